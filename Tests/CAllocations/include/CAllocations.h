// Counts the allocations of the whole process it is linked into, whoever makes them.
#pragma once
#include <stddef.h>

// Counts allocations of at least this many bytes from now on, from 0.
void callocations_start(size_t smallest);

// Stops; returns how many there were, and writes the largest.
size_t callocations_stop(size_t *largest);

// Bytes that the process holds of the C library's heap, mapped blocks included.
size_t callocations_bytes_in_use(void);

// Follows what the calling thread holds of the heap from now on, from 0; what OpenBLAS takes for
// itself is left out.
void callocations_watch(void);

// Stops; returns the most bytes that the thread held at once since then.
size_t callocations_most_held(void);

// Stops; returns how many allocations the thread has made since then, of any size.
size_t callocations_watched(void);
