#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts the app with the Node that came with it. The installer wrote this file and writes it anew each time.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname -- "$self")/$link ;;
  esac
done
home=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd -P) || exit 1
OPENCAT_CONFIG=$home/data/config.json
NODE_USE_ENV_PROXY=${NODE_USE_ENV_PROXY:-1}
NODE_USE_SYSTEM_CA=${NODE_USE_SYSTEM_CA:-1}
export OPENCAT_CONFIG NODE_USE_ENV_PROXY NODE_USE_SYSTEM_CA
exec @NODE@ @START@ "$@"
