# Makes a machine with KVM ready. Sourced by `init`.

[ -c /dev/kvm ]
mkfifo /tmp/in-use
keep_kvm_in_use >/tmp/in-use &
read -r _ </tmp/in-use
case $(cat /sys/module/kvm_amd/parameters/npt) in
    Y | 1) echo paging nested >&3 ;;
    *) echo paging shadow >&3 ;;
esac
