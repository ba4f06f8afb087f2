# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bash completion of virsh-converge: as of virsh, whose completion asks the program that is
# being completed
complete -p virsh > /dev/null 2>&1 || _completion_loader virsh
eval "$(complete -p virsh)-converge"
