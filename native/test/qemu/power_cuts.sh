# The crash test's bank on emulated persistent memory, whose machine loses its power again and again. Sourced by `run`.
#
# Each machine of the sequence has the NVDIMM of the one before: it mounts what is there, the store recovers the region,
# and the application checks it against what was acknowledged to this script; then it goes on, until the power goes
# again. The last one only checks. The strategies take turns such that each recovers what either has left.

strategies=(write-protect dirty-bit dirty-bit write-protect)
# From which of the process's states on the moments of the cuts are drawn: the opening, which is mostly the recovery of
# the cut before; the first commits; commits that have been acknowledged. So, with the strategies, every combination comes.
cut_in=(acknowledged ready acknowledged acknowledged ready checked)
# the asynchronous protection that dirty-bit needs (docs/host-page-table.md)
dirty_bit_linux=6.7
# A machine and a JVM in it start in a quarter of a minute when they have a processor.
start_seconds=300
# How long it is left in that state, at most.
declare -A longest_milliseconds=([ready]=1500 [checked]=4000 [acknowledged]=6000)
region_size=2MiB
# small, so that a log is trimmed often
log_size=256KiB
bank_threads=4

# need_java: the runtime in $work/java, of the modules that the framework and the bundles name
need_java() {
    java=$work/java
    if ! cmp -s "$JAVA_HOME/release" "$java.release"; then
        rm -rf "$java"
        "$JAVA_HOME/bin/jlink" --output "$java" --strip-debug --no-header-files --no-man-pages \
            --add-modules java.base,java.logging,java.management,java.xml,jdk.unsupported >"$java.log" 2>&1 ||
            fail "jlink of $JAVA_HOME makes no runtime: $(tail -n 1 "$java.log")"
        # a class data archive: the JVM starts in half the time
        "$java/bin/java" -Xshare:dump >>"$java.log" 2>&1 ||
            fail "the JVM in $java makes no class data archive: $(tail -n 1 "$java.log")"
        cp "$JAVA_HOME/release" "$java.release"
    fi
}

# make_disk FILE: a file system with the runtime and the distribution
make_disk() {
    local content=$1.content
    mkdir "$content"
    cp -a "$java" "$content/java"
    cp -rL "$root/features/target/vellum" "$content/distribution"
    mke2fs -q -t ext4 -O ^has_journal -d "$content" "$1" "$(($(du -sk "$content" | cut -f 1) * 5 / 4))k" >/dev/null
    rm -r "$content"
}

# equip_bank INITRAMFS: what the JVM on the disk needs beside it
equip_bank() {
    local initramfs=$1
    add_module "$initramfs" "$machine_linux" virtio_blk
    (
        export LD_LIBRARY_PATH=$java/lib:$java/lib/server
        add_libraries "$initramfs" "$java/bin/java" "$java"/lib/{,server/}*.so
    )
    # its own libraries are on the disk
    rm -rf "${initramfs:?}/$java"
}

# make_order ARCHIVE STRATEGY VERIFY: what the next process is to do, for the initramfs
make_order() {
    local order=$1.order strategy=$2 verify=$3
    mkdir "$order"
    cat >"$order/plan" <<-PLAN
	check=bank
	seed=$seed
	verify=$verify
	acknowledged.epoch=$acknowledged_epoch
	acknowledged.progress=$(IFS=,; echo "${acknowledged_progress[*]}")
	PLAN
    # no second compiler, the smallest collector; tiered compilation is for machines that are faster
    printf '%s\n' $VELLUM_JVM_FLAGS -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Xmx256m \
        -jar /vellum/distribution/vellum.jar application crashtest \
        --directory /pmem/regions --plan /plan --size $region_size --log-size $log_size \
        --vmm host --pagetable host --strategy "$strategy" --store "$bank_store" >"$order/java"
    pack "$order" | gzip -1 >"$1"
    rm -r "$order"
}

now_milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# draw MOST: sets `drawn` to a number from 0 to MOST, below 2^30. All of a run's come from its seed, so not in a subshell.
draw() { drawn=$(((RANDOM << 15 | RANDOM) % ($1 + 1))); }

# take_acknowledgement FIELD...: of a report "ack epoch=E THREAD=PROGRESS..."
take_acknowledgement() {
    local field key value
    ((acknowledgements += 1))
    for field in "$@"; do
        key=${field%%=*}
        value=${field#*=}
        if [[ $key == epoch ]]; then
            ((acknowledged_epoch = value > acknowledged_epoch ? value : acknowledged_epoch, 1))
        elif ((value > acknowledged_progress[key])); then
            acknowledged_progress[key]=$value
        fi
    done
}

# take_report: what a report of this process changes: `state`, `opened_epoch`, `violations`, what was acknowledged,
# `trouble` if it should not have come
take_report() {
    local fields
    read -r -a fields <<<"$report"
    case $report in
        "$first_report") state=started ;;
        ready) state=ready ;;
        'opened epoch='*)
            state=opened
            opened_epoch=${fields[1]#epoch=}
            if [[ ${fields[4]} != "providers=host/host/$strategy/$bank_store" ]]; then
                trouble="the region was opened with other ${fields[4]} than host/host/$strategy/$bank_store"
            elif [[ ${address:=${fields[2]}} != "${fields[2]}" ]]; then
                trouble="the region's address changed: expected $address, found ${fields[2]}"
            fi
            ;;
        'violation '*) violations+=("${report#violation }") ;;
        'checked violations='*)
            state=checked
            ((recoveries += 1))
            ;;
        'ack epoch='*)
            state=acknowledged
            take_acknowledgement "${fields[@]:1}"
            ;;
        'exit '*) state=$report ;;
        *) trouble="the machine reports '$report'" ;;
    esac
}

# run_process KILL: boots the machine and hears its process. KILL: the state from which on, after at most the given
# milliseconds, its power is cut ("ready 300"), or '' to let it end.
run_process() {
    local until=${1% *} delay=${1#* } deadline='' left heard
    state=booting
    trouble=''
    violations=()
    while [[ -z $trouble ]]; do
        left=$((start_seconds * 1000))
        if [[ -n $deadline ]]; then
            left=$((deadline - $(now_milliseconds)))
            ((left > 0)) || break
        fi
        heard=0
        next_report "$((left / 1000)).$(printf %03d $((left % 1000)))" || heard=$?
        if ((heard == 0)); then
            take_report
            if [[ -z $deadline && -n $until && $state == "$until" ]]; then
                deadline=$(($(now_milliseconds) + delay))
            fi
        elif ((heard == 1)); then
            break
        elif [[ -z $deadline ]]; then
            trouble="the machine has reported nothing for $start_seconds s"
        fi
    done
    cut_power && ended=true || ended=false
    # what was out before the power went
    while [[ -z $trouble ]] && next_report 10; do
        take_report
    done
    end_machine
    if [[ -z $trouble ]]; then
        if ((${#violations[@]})); then
            trouble=${violations[0]}
        elif [[ -n $until && $ended == true ]]; then
            trouble="the machine was to lose its power, but ended by itself: $state"
        elif [[ -z $until && $state != 'exit 0' ]]; then
            trouble="the last process was to end well: $state"
        fi
    fi
}

# run_bank KILLS SEED: prints a line for each kill; `bank_result` is held or failed then
run_bank() {
    local kills=$1 seed=$2 folder=$work/bank acknowledged_epoch=0 acknowledged_progress acknowledgements=0
    local number strategy kill drawn state trouble violations ended opened_epoch address='' recoveries=0 before what
    local began=$SECONDS
    bank_result=failed
    RANDOM=$seed
    acknowledged_progress=($(for ((number = 0; number < bank_threads; number++)); do echo 0; done))
    rm -rf "$folder"
    mkdir "$folder"
    need_java
    make_disk "$folder/disk"
    begin_initramfs "$folder/initramfs"
    equip_pmem "$folder/initramfs" "$folder/nvdimm"
    equip_bank "$folder/initramfs"
    end_initramfs "$folder/initramfs" "$folder/initramfs.gz"
    if ! is_at_least "$(linux_release "$machine_linux")" "$dirty_bit_linux"; then
        strategies=(write-protect)
        say "dirty-bit is left out: it needs Linux $dirty_bit_linux, and apt has no backported kernel (log: $backported_linux.log)"
    fi

    echo "The bank on persistent memory, store $bank_store, Linux $(linux_release "$machine_linux"), --seed $seed"
    for ((number = 0; number <= kills; number++)); do
        strategy=${strategies[number % ${#strategies[@]}]}
        before=$acknowledgements
        kill=''
        if ((number < kills)); then
            kill=${cut_in[number % ${#cut_in[@]}]}
            draw "${longest_milliseconds[$kill]}"
            kill+=" $drawn"
        fi
        make_order "$folder/order.gz" "$strategy" "$([[ -z $kill ]] && echo true || echo false)"
        cat "$folder/initramfs.gz" "$folder/order.gz" >"$folder/initrd"
        opened_epoch=''
        start_machine "$folder" "$folder/initrd" 'work=bank' \
            -drive "file=$folder/disk,format=raw,if=none,id=disk,readonly=on" -device virtio-blk-pci,drive=disk
        run_process "$kill"
        first_report='memory kept memory_controller'
        what=$(printf '%-14s opened at epoch %s, %d commits acknowledged, then' "$strategy" "${opened_epoch:--}" \
            $((acknowledgements - before)))
        if [[ -n $trouble ]]; then
            echo "  FAILED  $what: $trouble"
            ((${#violations[@]} < 2)) || printf '          %s\n' "${violations[@]:1}"
            show_console "$folder"
            return
        fi
        case $kill in
            '') echo "  ok      $what checked a last time" ;;
            *) echo "  ok      $what its power was cut ${kill#* } ms after '${kill% *}'" ;;
        esac
    done
    if ((acknowledgements == 0)); then
        echo "  FAILED  no commit was acknowledged, so that nothing was checked"
        return
    fi
    bank_result=held
    echo "  $kills power cuts, $recoveries recoveries checked, $acknowledgements commits acknowledged, epoch" \
        "$opened_epoch at the end, in $((SECONDS - began)) s"
}
