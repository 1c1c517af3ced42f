# Equipping an emulated machine, starting it, hearing it, ending it. Sourced by `run`.
#
# Its reports come over a second serial line, which is QEMU's standard output.

# What one of the machines has, by equip_*:
equipment=          # kvm or pmem (guest/*.sh)
machine_linux=      # its kernel's folder
first_report=       # what it says when it is ready
machine_options=()  # of QEMU

# equip_kvm INITRAMFS PAGING
equip_kvm() {
    local initramfs=$1 paging=$2
    equipment=kvm
    machine_linux=$linux
    first_report="paging $paging"
    machine_options=(-cpu EPYC,+svm,+npt -m 2048)
    "${CC:-cc}" -O2 -Wall -Wextra -Werror "$here/guest/keep_kvm_in_use.c" -o "$build/keep_kvm_in_use"
    add_programs "$initramfs" bin "$build/keep_kvm_in_use"
    add_module "$initramfs" "$linux" kvm-amd "npt=$([[ $paging == nested ]] && echo 1 || echo 0)"
}

# equip_pmem INITRAMFS NVDIMM: a file for its content, made here if it is not there
#
# The NVDIMM is a shared mapping of a file. What the guest has stored is in that file at once, and stays there whatever
# becomes of QEMU; all else that the guest had, its page cache and its journal's buffers, is gone. The platform promises
# that what left the caches is persistent, and no more: so code that must write lines back does.
#
# Without CX16: QEMU 7.2 gives wrong flags after CMPXCHG16B, now and then, and every fifth start of a kernel ended there.
equip_pmem() {
    local initramfs=$1 nvdimm=$2
    equipment=pmem
    machine_linux=$pmem_linux
    first_report='memory made memory_controller'
    machine_options=(-cpu max,-cx16 -machine "pc,nvdimm=on,nvdimm-persistence=mem-ctrl" -m "1536,slots=1,maxmem=4G"
        -object "memory-backend-file,id=content,share=on,mem-path=$nvdimm,size=$nvdimm_size" -device nvdimm,memdev=content)
    truncate -s "$nvdimm_size" "$nvdimm"
    add_programs "$initramfs" sbin "$(command -v mke2fs)"
    add_module "$initramfs" "$machine_linux" nfit
    add_module "$initramfs" "$machine_linux" nd_pmem
    add_module "$initramfs" "$machine_linux" ext4
}

# start_machine FOLDER INITRAMFS_ARCHIVE KERNEL_ARGUMENTS [QEMU_OPTION...]: boots the machine that was equipped last
# Sets `machine`, its process, and `reports`, where its reports are read. Its console is FOLDER/console.log.
start_machine() {
    local folder=$1 initramfs=$2 arguments=$3
    shift 3
    unfinished=''
    # A kernel that panics resets the machine at once, and a reset ends QEMU. tsc=reliable: both processors' counters
    # are one clock of QEMU's, but the kernel does not know, and a KVM that distrusts them shifts its guests' counters. no_timer_check: the
    # kernel's test of its timer fails when this machine is busy.
    exec {reports}< <(exec qemu-system-x86_64 -accel tcg,thread=multi -smp "$processors" "${machine_options[@]}" \
        -nodefaults -no-user-config -display none -no-reboot \
        -chardev "file,id=console,path=$folder/console.log,append=on" -serial chardev:console \
        -chardev stdio,id=reports,signal=off -serial chardev:reports \
        -kernel "$machine_linux"/boot/vmlinuz-* -initrd "$initramfs" -append "console=ttyS0 tsc=reliable no_timer_check \
mitigations=off oops=panic softlockup_panic=1 watchdog_thresh=30 panic=-1 equipment=$equipment $arguments" \
        "$@" </dev/null 2>>"$folder/qemu.log")
    machine=$!
    # shellcheck disable=SC2064 # this machine, whatever the variable is by then
    trap "kill -KILL $machine 2>/dev/null" EXIT
}

# next_report SECONDS: the next one, in `report`. 1: the machine has ended; 2: none came in that time.
# What the end of the machine cut off is no report.
next_report() {
    local part status=0
    IFS= read -r -t "$1" -u "$reports" part || status=$?
    unfinished+=$part
    if ((status)); then
        return $((status > 128 ? 2 : 1))
    fi
    report=$unfinished
    unfinished=''
}

# The power goes. Its reports can still be read until end_machine. Returns QEMU's exit status.
cut_power() {
    local status=0
    kill -KILL "$machine" 2>/dev/null || true
    # the shell's own word on a killed child is no news
    wait "$machine" 2>/dev/null || status=$?
    trap - EXIT
    return "$status"
}

end_machine() {
    cut_power || true
    exec {reports}<&-
}

# show_console FOLDER: the end of it, or where the kernel panicked
show_console() {
    echo "  from its console (all of it: $1/console.log):"
    { grep -m 1 -B 20 -A 15 'Kernel panic' "$1/console.log" || tail -n 30 "$1/console.log"; } | sed 's/^/          /'
}
