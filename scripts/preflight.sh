#!/bin/sh
# Can this machine bootstrap the project? Says everything that is missing at once, each with the command that brings it.
# With a Python named it looks at that one and is silent when all is well; without, it finds one and prints it.
# Usage: scripts/preflight.sh [PYTHON]. Needs nothing but a POSIX shell.
set -u

problems=""
say() { problems="$problems
- $1
    $2"; }

python=""
for candidate in ${1:-python3.11 python3.12 python3.13 python3.14 python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done

if [ -z "$python" ]; then
    say "Python 3.11 or newer is not here${1:+ ($1 is not one)}" \
        "Debian 12: sudo apt-get install python3 python3-venv    Ubuntu 22.04: sudo apt-get install python3.11 python3.11-venv"
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "$python has no venv module" "sudo apt-get install python$version-venv"
fi

# The bundled mongod links the system's libraries; not needed when addresses of running engines are given.
if [ -n "$python" ] && [ "$(uname -sm)" = "Linux x86_64" ] &&
    [ -z "${REFERRALS_MONGO:-}" ] && [ "${ENGINES:-bundled}" != "docker" ]; then
    for pair in libcurl.so.4:libcurl4 libssl.so.3:libssl3 liblzma.so.5:liblzma5; do
        "$python" -c "import ctypes; ctypes.CDLL('${pair%%:*}')" 2>/dev/null ||
            say "the bundled mongod needs ${pair%%:*}" "sudo apt-get install ${pair##*:}"
    done
fi

if [ -n "$problems" ]; then
    printf 'This machine lacks something:%s\n' "$problems" >&2
    exit 1
fi
[ $# -gt 0 ] && [ -n "$1" ] || echo "$python"
