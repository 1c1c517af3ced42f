// SPDX-License-Identifier: Apache-2.0
package org.vellum.store.image.medium;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.vellum.nativelib.Errno;

/** Files of another kind, of which chosen calls fail. */
public final class FailingSync {
    private final StoreFiles real;
    private PersistPoint failing;
    private boolean allocationFails;

    public FailingSync(StoreFiles real) {
        this.real = real;
    }

    /** @param point null: none */
    public void fail(PersistPoint point) {
        failing = point;
    }

    public void failAllocation(boolean fails) {
        allocationFails = fails;
    }

    public StoreFiles files() {
        return proxy(StoreFiles.class, real);
    }

    private <T> T proxy(Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> {
                    if (method.getName().equals("syncData") && arguments[0] == failing) {
                        throw new FileFailure("sync (injected)", Errno.EIO);
                    }
                    if (method.getName().equals("allocate") && allocationFails) {
                        throw new FileFailure("allocation (injected)", Errno.ENOSPC);
                    }
                    try {
                        Object result = method.invoke(target, arguments);
                        return result instanceof StoreFile file ? proxy(StoreFile.class, file) : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }
}
