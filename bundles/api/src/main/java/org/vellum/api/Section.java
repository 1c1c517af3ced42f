package org.vellum.api;

import org.osgi.annotation.versioning.ProviderType;

/** An open section of a region, closed by the thread that opened it; see {@link Region#section()}. Idempotent. */
@ProviderType
public interface Section extends AutoCloseable {
    @Override
    void close();
}
