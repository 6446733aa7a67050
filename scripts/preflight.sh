#!/bin/sh
# What must be on the machine before anything is installed; says all that is missing at once, with the command that brings it.
python=$1
missing=""
say() { missing="$missing
  - $1"; }

if [ -z "$python" ]; then
    say "Python 3.11 or newer: sudo apt-get install python3.11 python3.11-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "Python 3.11 or newer ($python is $("$python" -V 2>&1)): sudo apt-get install python3.11 python3.11-venv"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "the venv module of $python: sudo apt-get install python3.11-venv"
fi

if [ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ]; then
    libraries=$( (ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null) )
    case $libraries in
        *libcurl.so.4*) ;;
        *) say "libcurl 4 (the bundled mongod links it): sudo apt-get install libcurl4" ;;
    esac
    case $libraries in
        *libssl.so.3*) ;;
        *) say "OpenSSL 3 (the bundled mongod links it): sudo apt-get install libssl3" ;;
    esac
fi

[ -z "$missing" ] && exit 0
echo "This machine lacks:$missing"
echo "Install what is named above, then run the same make command again."
exit 1
