#!/bin/sh
# SPDX-License-Identifier: MIT
# The door on macOS for a double click in the Finder, which opens it in Terminal. install.sh does all, and says what
# to do when macOS has the folder in quarantine or runs a temporary copy of it.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
exec sh "$here/install.sh" "$@"
