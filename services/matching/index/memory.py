"""How do kernels reach the arrays? By address, so that they hand each other numbers and nothing else.

A structure of arrays that is passed from function to function costs numba more, in counting references and in
compiling, than the work itself. So `Table` notes where the arrays of a structure begin, and kernels read and write
there. Whoever calls a kernel keeps the `Table` until it returns; the table keeps the arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from services.matching.index.compiled import compiled

Reader = Callable[[int, int], int]
Writer = Callable[[int, int, int], None]


@compiled
def get(array: Any, index: int) -> int:
    """An entry of an array as a 64-bit number, so that numbers of different widths can be reckoned with."""
    return np.int64(array[index])  # type: ignore[return-value]  # a number within a kernel


class Table:
    """Where the arrays of a structure begin; its plain numbers stand for themselves."""

    def __init__(self, structure: tuple[Any, ...]) -> None:
        self._kept = structure
        # A request by itself feels a call for each of them.
        places = [each.buffer_info()[0] if type(each) is array else _place(each) for each in structure]
        self._places = array("q", places)
        self.address = address_of(self._places)

    def take(self, structure: tuple[Any, ...]) -> None:
        """Note a structure that differs from the one before in some arrays; asking where an array begins takes long."""
        for n, (each, known) in enumerate(zip(structure, self._kept, strict=True)):
            if each is not known:
                self._places[n] = _place(each)
        self._kept = structure

    def __repr__(self) -> str:
        return f"Table({len(self._places)} entries)"


def address_of(numbers: array[Any]) -> int:
    """Where an array of the standard library begins; it must not grow from then on."""
    return numbers.buffer_info()[0]


def _place(each: Any) -> int:
    if isinstance(each, array):
        return address_of(each)
    if not isinstance(each, np.ndarray):
        return int(each)
    if not each.flags.c_contiguous:
        raise ValueError("a kernel reads whole arrays only: make it contiguous")
    return int(each.ctypes.data)


def _reader(kind: ir.Type, extend: str) -> Any:
    """An access to an array: its address, the index."""

    def read(_context: Any, _address: Any, _index: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = builder.inttoptr(args[0], kind.as_pointer())
            value = builder.load(builder.gep(place, [args[1]]))
            return getattr(builder, extend)(value, ir.IntType(64))

        return types.int64(types.int64, types.int64), code

    return intrinsic(read)


#: The entry of an array (address, index) as a 64-bit number.
u8: Reader = _reader(ir.IntType(8), "zext")
u16: Reader = _reader(ir.IntType(16), "zext")
u32: Reader = _reader(ir.IntType(32), "zext")
i32: Reader = _reader(ir.IntType(32), "sext")
i64: Reader = _reader(ir.IntType(64), "bitcast")


def _anywhere(kind: ir.Type, extend: str) -> Any:
    """An access to bytes that need not lie at a multiple of their length: where they begin, and how far behind."""

    def read(_context: Any, _address: Any, _index: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = builder.inttoptr(builder.add(args[0], args[1]), kind.as_pointer())
            return getattr(builder, extend)(builder.load(place, align=1), ir.IntType(64))

        return types.int64(types.int64, types.int64), code

    return intrinsic(read)


#: The 32, or 64, bits (signed, the lowest byte first) that begin so many bytes behind an address.
near32: Reader = _anywhere(ir.IntType(32), "sext")
near64: Reader = _anywhere(ir.IntType(64), "bitcast")


def _writer(kind: ir.Type) -> Any:
    """A write to an array: its address, the index, the value."""

    def write(_context: Any, _address: Any, _index: Any, _value: Any) -> Any:
        def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            place = builder.inttoptr(args[0], kind.as_pointer())
            value = args[2] if kind.width == args[2].type.width else builder.trunc(args[2], kind)
            builder.store(value, builder.gep(place, [args[1]]))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64), code

    return intrinsic(write)


#: Write a 64-bit number, or the lower bits of one: address, index, value.
put: Writer = _writer(ir.IntType(64))
put32: Writer = _writer(ir.IntType(32))
put8: Writer = _writer(ir.IntType(8))


def _prefetch(_context: Any, _address: Any) -> Any:
    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, whole, whole, whole])
        hint = builder.module.declare_intrinsic("llvm.prefetch.p0", fnty=kind)
        # To be read, kept in all caches, data.
        builder.call(hint, [builder.inttoptr(args[0], pointer), whole(0), whole(3), whole(1)])
        return context.get_dummy_value()

    return types.void(types.int64), code


#: Let the processor fetch what lies at an address, while it does something else.
prefetch: Callable[[int], None] = cast("Any", intrinsic(_prefetch))
