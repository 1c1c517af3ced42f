# Makes a machine with an NVDIMM ready: an ext4 file system with DAX on its memory, at /pmem. Sourced by `init`.
#
# The NVDIMM comes as it left the factory: a raw namespace, whose memory has no page structures in the kernel, and
# therefore no DAX. Here it gets them, as `ndctl create-namespace --mode=fsdax` does it, and a file system. Both are in
# the NVDIMM itself: once they are there, the kernel finds them, and nothing is made again.

devices=/sys/bus/nd/devices
driver=/sys/bus/nd/drivers/nd_pmem

# the driver's work goes on after the module is there
tries=300
until [ -b /dev/pmem0 ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ]
    sleep 0.1
done
mkdir /pmem
state=kept
if [ "$(cat "$devices/namespace0.0/mode")" = raw ]; then
    state=made
    pages=$(cat "$devices/region0/pfn_seed")
    echo namespace0.0 >"$driver/unbind"
    cat /proc/sys/kernel/random/uuid >"$devices/$pages/uuid"
    # the page structures in the NVDIMM too
    echo pmem >"$devices/$pages/mode"
    echo namespace0.0 >"$devices/$pages/namespace"
    echo "$pages" >"$driver/bind"
    # by its path: busybox has one of its own, without journal
    /sbin/mke2fs -q -t ext4 -b 4096 /dev/pmem0
fi
mount -t ext4 -o dax=always /dev/pmem0 /pmem
grep -q '^/dev/pmem0 /pmem ext4 .*dax=always' /proc/mounts
echo "memory $state $(cat "$devices/region0/persistence_domain")" >&3
