// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import java.nio.ByteBuffer;
import java.util.Optional;
import org.vellum.nativelib.NativeRegion;
import org.vellum.nativelib.Relocation;
import org.vellum.nativelib.layout.CountersStruct;
import org.vellum.nativelib.layout.CutStruct;
import org.vellum.nativelib.layout.InPlaceCommitStruct;
import org.vellum.nativelib.layout.RelocationStruct;
import org.vellum.nativelib.layout.SwapStruct;

/** A {@code struct vellum_region} at an address, which is valid while the region is open. */
final class JnaNativeRegion implements NativeRegion {
    private enum State {
        OPEN,
        CLOSED
    }

    private final long address;
    private State state = State.OPEN;

    // The results of calls of every commit, each used by one thread at a time like the region itself.
    private final CutStruct cut = new CutStruct();
    private final InPlaceCommitStruct commit = new InPlaceCommitStruct();
    private final CountersStruct counters = new CountersStruct();

    JnaNativeRegion(long address) {
        this.address = address;
    }

    /** For C, which frees the structure in {@link #close} and does not check what it is given. */
    private long open() {
        if (state != State.OPEN) {
            throw new IllegalStateException("the native region was closed");
        }
        return address;
    }

    @Override
    public Optional<String> attach(long vmm, long pageTable, long strategy) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        int result = CoreLibrary.vellum_region_attach(open(), vmm, pageTable, strategy, reason, reason.length);
        return Optional.ofNullable(refusal(result, reason));
    }

    @Override
    public Swap swap(long vmm, long pageTable, long strategy, Relocation relocation) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        SwapStruct swap = new SwapStruct();
        ByteBuffer moved = RelocationStruct.of(relocation);
        int result = CoreLibrary.vellum_region_swap(
                open(), vmm, pageTable, strategy, moved, swap.memory(), reason, reason.length);
        return swap.read(refusal(result, reason));
    }

    @Override
    public Swap degrade(Relocation relocation) {
        byte[] reason = new byte[NativeText.REASON_SIZE];
        SwapStruct swap = new SwapStruct();
        ByteBuffer moved = RelocationStruct.of(relocation);
        int result = CoreLibrary.vellum_region_degrade(open(), moved, swap.memory(), reason, reason.length);
        return swap.read(refusal(result, reason));
    }

    private static String refusal(int result, byte[] reason) {
        return result == 0 ? null : NativeText.reason(reason, result);
    }

    @Override
    public void changeHome(int homeFile, long homeOffset, long committed) {
        NativeResult.require(
                CoreLibrary.vellum_region_change_home(open(), homeFile, homeOffset, committed),
                "vellum_region_change_home");
    }

    @Override
    public long batchCapacity() {
        return CoreLibrary.vellum_batch_capacity(open());
    }

    @Override
    public Cut cut(long batch) {
        CoreLibrary.vellum_region_cut(open(), batch, cut.address());
        return cut.read();
    }

    @Override
    public void cutPersisted() {
        CoreLibrary.vellum_region_cut_persisted(open());
    }

    @Override
    public InPlaceCommit commitInPlace() {
        CoreLibrary.vellum_region_commit_in_place(open(), commit.address());
        return commit.read();
    }

    @Override
    public long rollback() {
        return CoreLibrary.vellum_region_rollback(open());
    }

    @Override
    public void refuseStores() {
        CoreLibrary.vellum_region_refuse_stores(open());
    }

    @Override
    public Counters counters() {
        CoreLibrary.vellum_region_read_counters(open(), counters.address());
        return counters.read();
    }

    @Override
    public void close() {
        if (state == State.OPEN) {
            state = State.CLOSED;
            CoreLibrary.vellum_region_destroy(address);
        }
    }
}
