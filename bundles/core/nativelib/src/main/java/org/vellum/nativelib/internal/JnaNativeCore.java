// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.stream.LongStream;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.api.provider.InPlace;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.Relocation;
import org.vellum.nativelib.loading.SharedObject;

/** The native core by JNA. One at a time in a class loader. */
@Component
public final class JnaNativeCore implements NativeCore {
    /** As in {@code batch.h}: the header, and an entry without its lines: page number and line mask. */
    private static final int BATCH_HEADER_SIZE = 64;

    private static final int BATCH_ENTRY_SIZE = 16;
    /** Bytes of a batch looked at through one buffer, which can have 2 GiB at most. */
    private static final int BATCH_WINDOW = 1 << 30;

    private static final int ABI_VERSION = 5;

    // as InPlace says
    private static final long OPENING_IN_UNDO_HEADER = 24;
    private static final long EPOCH_WORD_IN_UNDO_HEADER = 64;

    private static final int RTLD_LAZY = 0x1;
    /** The dispatcher must outlive its bundle: other libraries may have chained to its handlers. */
    private static final int RTLD_NODELETE = 0x1000;

    /** Where a dispatcher already installed in this process is found by later revisions of this bundle. */
    private static final String DISPATCHER_PROPERTY = "org.vellum.dispatcher.v" + ABI_VERSION;

    private final NativeLibrary core;

    @Activate
    public JnaNativeCore() {
        ClassLoader loader = JnaNativeCore.class.getClassLoader();
        core = SharedObject.load("vellum_core", loader, Map.of());
        Native.register(CoreLibrary.class, core);
        int version = CoreLibrary.vellum_core_abi_version();
        if (version != ABI_VERSION) {
            close();
            throw new IllegalStateException("libvellum_core.so speaks version " + version + " of the native interface, "
                    + "this bundle version " + ABI_VERSION + ": the bundle was packaged from two builds");
        }
        int result = CoreLibrary.vellum_core_use_dispatcher(dispatcher(loader));
        if (result != 0) {
            close();
            throw new IllegalStateException(
                    "cannot install the fault dispatcher: " + org.vellum.nativelib.Errno.describe(result));
        }
    }

    @Deactivate
    public void close() {
        SharedObject.unmap(CoreLibrary.class);
        core.close();
    }

    private static Pointer dispatcher(ClassLoader loader) {
        synchronized (System.getProperties()) {
            Long installed = Long.getLong(DISPATCHER_PROPERTY);
            if (installed != null) {
                return new Pointer(installed);
            }
            NativeLibrary library = SharedObject.load(
                    "vellum_dispatcher", loader, Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY | RTLD_NODELETE));
            Pointer dispatcher = library.getFunction("vellum_dispatcher").invokePointer(new Object[0]);
            library.close();
            System.setProperty(DISPATCHER_PROPERTY, Long.toString(Pointer.nativeValue(dispatcher)));
            return dispatcher;
        }
    }

    private static long valueOr(int result, long[] value) {
        return result < 0 ? result : value[0];
    }

    @Override
    public long rangeReserve(long address, long length, long seed) {
        long[] reserved = new long[1];
        return valueOr(CoreLibrary.vellum_range_reserve(address, length, seed, reserved), reserved);
    }

    @Override
    public void rangeRetire(long address, long length) {
        CoreLibrary.vellum_range_retire(address, length);
    }

    @Override
    public long regionCreate(long base, long length, int homeFile, long homeOffset, long committed) {
        long[] region = new long[1];
        return valueOr(CoreLibrary.vellum_region_create(base, length, homeFile, homeOffset, committed, region), region);
    }

    @Override
    public long regionCreateInPlace(long base, long length, InPlace inPlace) {
        long[] region = new long[1];
        return valueOr(
                CoreLibrary.vellum_region_create_in_place(
                        base,
                        length,
                        inPlace.homeFile(),
                        inPlace.homeOffset(),
                        inPlace.synchronous() ? 1 : 0,
                        describe(inPlace),
                        region),
                region);
    }

    /** As {@code struct vellum_in_place}. */
    private static long[] describe(InPlace inPlace) {
        return new long[] {
            inPlace.persistence(),
            new Pointer(inPlace.undoHeader()).getLong(OPENING_IN_UNDO_HEADER),
            inPlace.homeImage(),
            inPlace.undoHeader() + EPOCH_WORD_IN_UNDO_HEADER,
            inPlace.pageChecksums(),
            inPlace.undoSlotHeaders(),
            inPlace.undoSlotContents()
        };
    }

    /** As {@code struct vellum_relocation}, or null. */
    private static long[] describe(Relocation relocation) {
        if (relocation instanceof Relocation.ToWorkingImage out) {
            return new long[] {0, out.committedView(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        }
        if (relocation instanceof Relocation.ToHomeImage in) {
            InPlace inPlace = in.inPlace();
            return LongStream.concat(
                            LongStream.of(
                                    1, 0, inPlace.homeFile(), inPlace.homeOffset(), inPlace.synchronous() ? 1 : 0),
                            LongStream.of(describe(inPlace)))
                    .toArray();
        }
        return null;
    }

    @Override
    public InPlaceCommit regionCommitInPlace(long region) {
        long[] commit = new long[3];
        CoreLibrary.vellum_region_commit_in_place(region, commit);
        return new InPlaceCommit(commit[0], commit[1], commit[2]);
    }

    @Override
    public String regionAttach(long region, long vmm, long pageTable, long strategy) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        int result = CoreLibrary.vellum_region_attach(region, vmm, pageTable, strategy, reason, reason.length);
        return result == 0 ? null : NativeText.reason(reason, result);
    }

    @Override
    public Swap regionSwap(long region, long vmm, long pageTable, long strategy, Relocation relocation) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        long[] swap = new long[2];
        int result = CoreLibrary.vellum_region_swap(
                region, vmm, pageTable, strategy, describe(relocation), swap, reason, reason.length);
        return new Swap(swap[0], swap[1], result == 0 ? null : NativeText.reason(reason, result));
    }

    @Override
    public Swap regionDegrade(long region, Relocation relocation) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        long[] swap = new long[2];
        int result = CoreLibrary.vellum_region_degrade(region, describe(relocation), swap, reason, reason.length);
        return new Swap(swap[0], swap[1], result == 0 ? null : NativeText.reason(reason, result));
    }

    @Override
    public int regionChangeHome(long region, int homeFile, long homeOffset, long committed) {
        return CoreLibrary.vellum_region_change_home(region, homeFile, homeOffset, committed);
    }

    @Override
    public Cut regionCut(long region, long batch) {
        long[] cut = new long[4];
        CoreLibrary.vellum_region_cut(region, batch, cut);
        return new Cut(cut[0], cut[1], cut[2], cut[3]);
    }

    @Override
    public void batchPages(long batch, long length, LongConsumer page) {
        long entry = BATCH_HEADER_SIZE;
        ByteBuffer window = null;
        long windowStart = 0;
        while (entry < length) {
            if (window == null || entry + BATCH_ENTRY_SIZE > windowStart + window.capacity()) {
                windowStart = entry;
                window = view(batch + entry, (int) Math.min(BATCH_WINDOW, length - entry));
            }
            int place = (int) (entry - windowStart);
            page.accept(window.getLong(place));
            entry += BATCH_ENTRY_SIZE + (long) LINE_SIZE * Long.bitCount(window.getLong(place + Long.BYTES));
        }
    }

    @Override
    public void regionCutPersisted(long region) {
        CoreLibrary.vellum_region_cut_persisted(region);
    }

    @Override
    public long regionRollback(long region) {
        return CoreLibrary.vellum_region_rollback(region);
    }

    @Override
    public void regionRefuseStores(long region) {
        CoreLibrary.vellum_region_refuse_stores(region);
    }

    @Override
    public void regionDestroy(long region) {
        CoreLibrary.vellum_region_destroy(region);
    }

    @Override
    public Counters regionCounters(long region) {
        long[] counters = new long[6];
        CoreLibrary.vellum_region_read_counters(region, counters);
        return new Counters(counters[0], counters[1], counters[2], counters[3], counters[4], counters[5]);
    }

    @Override
    public long batchCapacity(long region) {
        return CoreLibrary.vellum_batch_capacity(region);
    }

    @Override
    public int batchApply(long batch, long length, long image, long imageLength) {
        return CoreLibrary.vellum_batch_apply(batch, length, image, imageLength);
    }

    @Override
    public long memoryMap(long length) {
        long[] address = new long[1];
        return valueOr(CoreLibrary.vellum_memory_map(length, address), address);
    }

    @Override
    public void memoryUnmap(long address, long length) {
        CoreLibrary.vellum_memory_unmap(address, length);
    }

    @Override
    public void memoryDiscard(long address, long length) {
        CoreLibrary.vellum_memory_discard(address, length);
    }

    @Override
    public ByteBuffer view(long address, int length) {
        return new Pointer(address).getByteBuffer(0, length).order(ByteOrder.nativeOrder());
    }

    @Override
    public int fileOpen(String path, boolean create, boolean exclusive) {
        return CoreLibrary.vellum_file_open(path, create ? 1 : 0, exclusive ? 1 : 0);
    }

    @Override
    public int fileOpenToRead(String path) {
        return CoreLibrary.vellum_file_open_to_read(path);
    }

    @Override
    public int fileClose(int file) {
        return CoreLibrary.vellum_file_close(file);
    }

    @Override
    public long fileSize(int file) {
        return CoreLibrary.vellum_file_size(file);
    }

    @Override
    public int fileWrite(int file, long data, long length, long offset) {
        return CoreLibrary.vellum_file_write(file, data, length, offset);
    }

    @Override
    public int fileRead(int file, long data, long length, long offset) {
        return CoreLibrary.vellum_file_read(file, data, length, offset);
    }

    @Override
    public int fileSyncData(int file) {
        return CoreLibrary.vellum_file_sync_data(file);
    }

    @Override
    public int fileSyncDirectory(String path) {
        return CoreLibrary.vellum_file_sync_directory(path);
    }

    @Override
    public int fileAllocate(int file, long offset, long length) {
        return CoreLibrary.vellum_file_allocate(file, offset, length);
    }

    @Override
    public int fileTruncate(int file, long length) {
        return CoreLibrary.vellum_file_truncate(file, length);
    }

    @Override
    public Medium fileMedium(int file) {
        return Medium.values()[CoreLibrary.vellum_file_medium(file)];
    }

    @Override
    public long fileMakeReal(int file, long offset, long length, boolean fresh) {
        return CoreLibrary.vellum_file_make_real(file, offset, length, fresh ? 1 : 0);
    }

    @Override
    public int fileIsNamed(int file, String path) {
        return CoreLibrary.vellum_file_is_named(file, path);
    }

    @Override
    public int fileCloseToOthers(int file) {
        return CoreLibrary.vellum_file_close_to_others(file);
    }

    @Override
    public int fileLock(int file) {
        return CoreLibrary.vellum_file_lock(file);
    }

    @Override
    public int fileLockShared(int file) {
        return CoreLibrary.vellum_file_lock_shared(file);
    }

    @Override
    public int fileUnlock(int file) {
        return CoreLibrary.vellum_file_unlock(file);
    }

    @Override
    public int fileDuplicate(int file) {
        return CoreLibrary.vellum_file_duplicate(file);
    }

    @Override
    public long fileFreeSpace(String directory) {
        return CoreLibrary.vellum_file_free_space(directory);
    }

    @Override
    public long fileMapPrivate(int file, long offset, long length) {
        long[] address = new long[1];
        return valueOr(CoreLibrary.vellum_file_map_private(file, offset, length, address), address);
    }

    @Override
    public long fileMapShared(int file, long offset, long length, boolean synchronous) {
        long[] address = new long[1];
        return valueOr(CoreLibrary.vellum_file_map_shared(file, offset, length, synchronous ? 1 : 0, address), address);
    }

    @Override
    public int fileInMemory(String name) {
        return CoreLibrary.vellum_file_in_memory(name);
    }
}
