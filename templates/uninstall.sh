#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes what install.sh made. --keep-token keeps data/config.json.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
exec sh "$here/install.sh" --uninstall "$@"
