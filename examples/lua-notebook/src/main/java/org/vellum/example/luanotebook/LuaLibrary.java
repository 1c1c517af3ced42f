// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;

/** What is called of the system's Lua 5.4, in its C names. An address is a {@code long}: many are kept in memory. */
interface LuaLibrary extends Library {
    /** The Debian package liblua5.4-0 has it. */
    String NAME = "liblua5.4.so.0";

    int OK = 0;
    int TYPE_STRING = 4;

    /** {@code lua_Alloc}. */
    interface Allocator extends Callback {
        /** @return the block, or 0: none, or out of memory */
        long reallocate(long userData, long block, long oldSize, long newSize);
    }

    long lua_newstate(Allocator allocator, Pointer userData);

    void lua_setallocf(long state, Allocator allocator, Pointer userData);

    void luaL_requiref(long state, String module, Pointer opener, int global);

    int luaL_loadbufferx(long state, byte[] text, long length, String name, String mode);

    int lua_pcallk(long state, int arguments, int results, int handler, long context, Pointer continuation);

    int lua_type(long state, int index);

    Pointer lua_tolstring(long state, int index, LongByReference length);

    void lua_settop(long state, int index);
}
