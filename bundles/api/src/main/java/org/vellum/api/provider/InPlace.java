// SPDX-License-Identifier: Apache-2.0
package org.vellum.api.provider;

/**
 * Where the native core finds what it needs to write an image in place: the home image's file, which it maps itself, and
 * addresses of memory that is shared with the other files, writable, and valid until {@link StoreImage#endInPlace} or
 * {@link StoreImage#close}. What is in them is described in {@code vellum/undo_log.h}.
 *
 * @param homeFile descriptor of the file that holds the home image; the image keeps owning it
 * @param homeOffset where page 0 is in that file: bytes, a multiple of 2 MiB
 * @param homeImage page 0
 * @param undoHeader of the undo file; 24 bytes behind it is the number of this opening, 64 bytes behind it the epoch word
 * @param undoSlotHeaders 64 bytes a slot
 * @param undoSlotContents a page a slot
 * @param slots as many as the region has pages
 * @param pageChecksums 4 bytes a page; aligned to 8 bytes, with room for an even number of entries
 * @param synchronous the home image's file is on DAX: only mapped with MAP_SYNC its blocks are durable with what is stored
 * @param persistence the {@code struct vellum_persistence} by which all of these become durable
 */
public record InPlace(
        int homeFile,
        long homeOffset,
        long homeImage,
        long undoHeader,
        long undoSlotHeaders,
        long undoSlotContents,
        long slots,
        long pageChecksums,
        boolean synchronous,
        long persistence) {}
