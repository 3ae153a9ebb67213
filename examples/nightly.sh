#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# For cron: run a command in a fresh machine, keep its output, and leave nothing
# behind whatever happens. vmctl asks nothing when it has no terminal, its standard
# output is data only, and its exit status says what went wrong.
#
#   0 3 * * *  nightly.sh mini nightly.log
set -eu

image=${1:?usage: nightly.sh IMAGE OUTPUT}
output=${2:?usage: nightly.sh IMAGE OUTPUT}

# Without a name, vmctl makes one up and prints it.
name=$(vmctl create --quiet --image "$image" --wait --timeout 5m)
trap 'vmctl delete --yes --quiet "$name"' EXIT
trap 'exit 1' HUP INT TERM

# The exit status of exec is the command's own: set -e ends the script with it.
vmctl exec --timeout 10m "$name" -- sh -c 'uname -a; df -h /' >"$output.new"
mv "$output.new" "$output"
