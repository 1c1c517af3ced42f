# The native tests in an emulated machine, and what they report. Sourced by `run`.

# What a test may take in there. check.h gives each of its cases a minute.
test_seconds=600
# What may pass without a report: the test's time, a minute for a child that it leaves, and the start of the machine.
silence_seconds=$((test_seconds + 60 + 60))

# What was heard of all machines so far.
passed=0
failed=0
cases=0
skipped=0

build_tests() {
    if ! { cmake -S "$root/native" -B "$build" -DVELLUM_TESTS=ON && cmake --build "$build" --parallel; } \
        >"$work/build.log" 2>&1; then
        tail -n 60 "$work/build.log" >&2
        fail "the native tests do not build (all of it: $work/build.log)"
    fi
}

# native_tests PATTERN: the names of those that match
native_tests() {
    local source
    for source in "$root"/native/test/$1_test.c; do
        if [[ -e $source ]]; then
            basename "$source" .c
        fi
    done
}

# tests_on_dax: those that use a folder on a DAX file system, or whose headers do
tests_on_dax() {
    local test
    for test in $(native_tests '*'); do
        if "${CC:-cc}" -MM -I "$root/native/include" -I "$root/native/test" "$root/native/test/$test.c" |
            tr ' \\' '\n\n' | grep '\.[ch]$' | xargs grep -q VELLUM_TEST_DAX; then
            echo "$test"
        fi
    done
}

# tests_of MACHINE: those that it runs by default
tests_of() {
    case $1 in
        # guest_* bring a processor of their own, written in C: nothing here is new to them, and they take long
        nested) native_tests '*' | grep -v '^guest_' ;;
        # the others do not run guests
        shadow) native_tests 'kvm_*' ;;
        # it has no KVM
        pmem) tests_on_dax | grep -v '^kvm_' ;;
    esac
}

# show_result MACHINE TEST EXIT_STATUS SECONDS OUTPUT: a line, and what its reader must know of the output; 0 if it passed
show_result() {
    local machine_name=$1 test=$2 status=$3 seconds=$4 output=$5 reason=''
    case $status in
        0) ;;
        137) reason="killed, as it is after $test_seconds s" ;;
        *) reason="exit status $status" ;;
    esac
    if [[ $status == 0 && ! ${output##*$'\n'} =~ ^([0-9]+)\ tests,\ 0\ failed,\ ([0-9]+)\ skipped$ ]]; then
        reason="ended well, but without the line that counts its cases"
    elif [[ $status == 0 && ($test == kvm_* || $machine_name == pmem) && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]; then
        reason="every case was skipped, in a machine made for it"
    fi
    if [[ -n $reason ]]; then
        printf '  FAILED  %-22s %s, %s s\n' "$test" "$reason" "$seconds"
        # all of it is on the console
        grep -v '^ok ' <<<"$output" | sed 's/^/          /' || true
        return 1
    fi
    ((cases += BASH_REMATCH[1], skipped += BASH_REMATCH[2], 1))
    printf '  ok      %-22s %3d cases, %d skipped, %s s\n' "$test" "${BASH_REMATCH[@]:1:2}" "$seconds"
    # a skipped case gives its reason on the line above
    awk '/^skipped / { ++skipped[above] }
        { above = $0; sub(/^ +/, "", above) }
        END { for (reason in skipped) printf "          %d skipped: %s\n", skipped[reason], reason }' <<<"$output"
}

# run_tests MACHINE TEST...: boots it, shows its reports, counts in `passed` and `failed`: no result is a failure too
run_tests() {
    local name=$1 folder=$work/$1 missing test='' output='' rest heard=0 trouble=''
    shift
    missing=("$@")
    rm -rf "$folder"
    mkdir "$folder"
    begin_initramfs "$folder/initramfs"
    case $name in
        pmem) equip_pmem "$folder/initramfs" "$folder/nvdimm" ;;
        *) equip_kvm "$folder/initramfs" "$name" ;;
    esac
    (cd "$build" && add_programs "$folder/initramfs" tests "$@")
    printf '%s\n' "$@" >"$folder/initramfs/tests/list"
    end_initramfs "$folder/initramfs" "$folder/initramfs.gz"

    echo "Emulated machine, $(description_of "$name"), Linux $(linux_release "$machine_linux"), processors: $processors"
    start_machine "$folder" "$folder/initramfs.gz" "work=tests test_seconds=$test_seconds"
    while next_report "$silence_seconds" || { heard=$? && false; }; do
        rest=${report#* }
        case $report in
            "$first_report") ;;
            "begin ${missing[0]:-}")
                test=$rest
                output=''
                ;;
            '| '*) output+=${output:+$'\n'}$rest ;;
            "end $test "*)
                # shellcheck disable=SC2086 # three words
                if show_result "$name" $rest "$output"; then
                    ((passed += 1))
                else
                    ((failed += 1))
                fi
                missing=("${missing[@]:1}")
                ;;
            *)
                trouble="the machine reports '$report'"
                break
                ;;
        esac
    done
    if ((heard == 2)); then
        trouble="the machine has reported nothing for $silence_seconds s"
    elif [[ -z $trouble ]] && ! wait "$machine"; then
        trouble="QEMU failed: $(tail -n 1 "$folder/qemu.log")"
    elif [[ -z $trouble ]] && ((${#missing[@]})); then
        trouble="the machine ended before its tests did"
    fi
    end_machine

    if [[ -n $trouble ]]; then
        ((failed += ${#missing[@]} ? ${#missing[@]} : 1))
        echo "  FAILED  $trouble${missing:+; without a result: ${missing[*]}}"
        show_console "$folder"
    fi
}
