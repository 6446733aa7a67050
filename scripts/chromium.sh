#!/bin/sh
# Is there a Chromium for the browser tests? As root on Debian or Ubuntu it is installed; elsewhere this says how to get it.
# Never fails: without one those tests skip (and fail in CI, which installs it).
# Needs nothing but a POSIX shell.
set -u

for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
[ -z "${CHROMIUM:-}" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests (once) ..."
    apt-get update -q >/dev/null
    if DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium >/dev/null; then
        exit 0
    fi
fi
echo "No Chromium: the browser tests will skip. Bring one with: sudo apt-get install chromium, or set CHROMIUM to its path" >&2
exit 0
