// SPDX-License-Identifier: Apache-2.0
package org.vellum.example.luanotebook;

/** Lua did not do what it was asked to; the message is Lua's, or ours. */
final class LuaException extends Exception {
    private static final long serialVersionUID = 1;

    LuaException(String message) {
        super(message);
    }
}
