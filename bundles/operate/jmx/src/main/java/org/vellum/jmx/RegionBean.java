// SPDX-License-Identifier: Apache-2.0
package org.vellum.jmx;

import java.util.Date;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vellum.api.Region;
import org.vellum.api.RegionActivity;
import org.vellum.api.RegionException;
import org.vellum.api.RegionStatus;

/** Asks the region anew for each attribute. Safe for use by many threads. */
final class RegionBean implements RegionMXBean {
    private final Region region;

    RegionBean(Region region) {
        this.region = region;
    }

    private RegionStatus status() {
        return region.status();
    }

    @Override
    public String getState() {
        return status().state().name();
    }

    @Override
    public long getSize() {
        return status().size();
    }

    @Override
    public String getAddress() {
        return "0x" + Long.toHexString(status().address());
    }

    @Override
    public long getEpoch() {
        return status().epoch();
    }

    @Override
    public String getProviders() {
        return status().providers().toString();
    }

    @Override
    public long getCommits() {
        return status().commits();
    }

    @Override
    public long getCommitsShared() {
        return status().commitsShared();
    }

    @Override
    public long getRollbacks() {
        return status().rollbacks();
    }

    @Override
    public long getStoreFaults() {
        return status().storeFaults();
    }

    @Override
    public long getDirtyPages() {
        return status().dirtyPages();
    }

    @Override
    public long getChangedBytes() {
        return status().changedBytes();
    }

    @Override
    public long getLoggedBytes() {
        return status().loggedBytes();
    }

    @Override
    public long getLogSize() {
        return status().logSize();
    }

    @Override
    public long getLastGateNanoseconds() {
        return status().lastGateNanoseconds();
    }

    @Override
    public long getWorkingBytes() {
        return status().workingBytes();
    }

    @Override
    public @Nullable Date getLastCommit() {
        List<RegionActivity.Commit> commits = region.activity().commits();
        return commits.isEmpty()
                ? null
                : Date.from(commits.get(commits.size() - 1).when());
    }

    @Override
    public long[] getCommitLatencies() {
        return region.activity().latencies();
    }

    @Override
    public @Nullable String getMoveStore() {
        return status().move().map(RegionStatus.Move::store).orElse(null);
    }

    @Override
    public long getMoveCopiedBytes() {
        return status().move().map(RegionStatus.Move::copiedBytes).orElse(0L);
    }

    @Override
    public String[] getRemarks() {
        return status().remarks().toArray(String[]::new);
    }

    @Override
    public long commit() {
        try {
            return region.commit();
        } catch (RegionException e) {
            // a management client has not the class
            throw new IllegalStateException(e.getMessage());
        }
    }
}
