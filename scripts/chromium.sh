#!/bin/sh
# Is there a Chromium for the browser tests? As root on Debian or Ubuntu it is installed; elsewhere this says how to get it.
# The headless shell is wanted: the same engine without the browser around it, in half the time. A whole one does too.
# Never fails: without one those tests skip (and fail in CI, which installs it).
# Needs nothing but a POSIX shell.
set -u

first_of() {
    for name in "$@"; do
        command -v "$name" && return
    done
}

# Give up soon where there is no network: whoever has a browser can go on.
get() {
    DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=20 "$@" >/dev/null 2>&1
}

[ -z "${CHROMIUM:-}" ] || exit 0
[ -z "$(first_of chromium-headless-shell chrome-headless-shell)" ] || exit 0
whole=$(first_of chromium chromium-browser google-chrome)

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium's headless shell for the browser tests (once) ..."
    [ -n "$whole" ] || get update -q
    if get install -qy --no-install-recommends chromium-headless-shell; then
        exit 0
    fi
    [ -n "$whole" ] || get install -qy --no-install-recommends chromium && exit 0
fi
[ -z "$whole" ] || exit 0
echo "No Chromium: the browser tests will skip. Bring one with: sudo apt-get install chromium, or set CHROMIUM to its path" >&2
exit 0
