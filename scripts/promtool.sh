#!/bin/sh
# Is there a promtool, Prometheus' own tool, for the tests of alarms? Else it is taken out of Debian's or Ubuntu's package
# into the virtual environment given as the first argument; nothing is installed on the machine.
# Never fails: without it those tests skip (and fail in CI). Needs nothing but a POSIX shell.
set -u

bin="${1:-.venv}/bin"
command -v promtool >/dev/null && exit 0
[ -x "$bin/promtool" ] && exit 0

if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    echo "Getting promtool for the tests of alarms (once) ..."
    folder=$(mktemp -d)
    # apt checks the package against the distribution's signature.
    fetch() { (cd "$folder" && apt-get download -q prometheus >/dev/null 2>&1); }
    fetch || { [ "$(id -u)" = 0 ] && apt-get update -q >/dev/null && fetch; }
    for package in "$folder"/prometheus_*.deb; do
        [ -f "$package" ] && dpkg-deb --fsys-tarfile "$package" | tar -xf - -C "$folder" ./usr/bin/promtool &&
            mv "$folder/usr/bin/promtool" "$bin/promtool"
    done
    rm -rf "$folder"
fi
[ -x "$bin/promtool" ] ||
    echo "No promtool: the tests of alarms will skip. It comes with Prometheus, for example sudo apt-get install prometheus" >&2
exit 0
