// SPDX-License-Identifier: Apache-2.0
package org.vellum.nativelib.internal;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.vellum.nativelib.AddressRanges;
import org.vellum.nativelib.Batches;
import org.vellum.nativelib.Errno;
import org.vellum.nativelib.FileCalls;
import org.vellum.nativelib.MemoryCalls;
import org.vellum.nativelib.NativeCore;
import org.vellum.nativelib.NativeRegions;
import org.vellum.nativelib.loading.SharedObject;

/** The native core by JNA. One at a time in a class loader. */
@Component
public final class JnaNativeCore implements NativeCore {
    private static final int ABI_VERSION = 5;

    private static final int RTLD_LAZY = 0x1;
    /** The dispatcher must outlive its bundle: other libraries may have chained to its handlers. */
    private static final int RTLD_NODELETE = 0x1000;

    /** Where a dispatcher already installed in this process is found by later revisions of this bundle. */
    private static final String DISPATCHER_PROPERTY = "org.vellum.dispatcher.v" + ABI_VERSION;

    private final NativeLibrary core;
    private final AddressRanges ranges = new JnaAddressRanges();
    private final NativeRegions regions = new JnaNativeRegions();
    private final MemoryCalls memory = new JnaMemoryCalls();
    private final Batches batches = new JnaBatches(memory);
    private final FileCalls files = new JnaFileCalls();

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
            throw new IllegalStateException("cannot install the fault dispatcher: " + Errno.describe(result));
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

    @Override
    public AddressRanges ranges() {
        return ranges;
    }

    @Override
    public NativeRegions regions() {
        return regions;
    }

    @Override
    public Batches batches() {
        return batches;
    }

    @Override
    public MemoryCalls memory() {
        return memory;
    }

    @Override
    public FileCalls files() {
        return files;
    }
}
