// The C library's allocation functions, replaced by ones that count and hand on: an executable's
// symbols come before those of shared libraries, so that the Swift runtime, Foundation, OpenBLAS and
// libjpeg are counted too.
#define _GNU_SOURCE
#include "CAllocations.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *place);

static atomic_size_t threshold = SIZE_MAX;
static atomic_size_t allocations;
static atomic_size_t largest_size;

// What the thread holds since it began to watch: other threads have their own.
static _Thread_local int is_watching;
static _Thread_local long held, most_held;
static _Thread_local size_t taken_count;

// Where OpenBLAS's code lies: some of its kernels take memory in a call and give it back, which is
// not ours to change.
static uintptr_t openblas_begin, openblas_end;

static int find_openblas(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size;
  (void)unused;
  if (!object->dlpi_name || !strstr(object->dlpi_name, "openblas")) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    openblas_begin = object->dlpi_addr + part->p_vaddr;
    openblas_end = openblas_begin + part->p_memsz;
  }
  return 1;
}

static int is_openblas(void *caller) {
  return (uintptr_t)caller >= openblas_begin && (uintptr_t)caller < openblas_end;
}

static void *taken(void *place, void *caller) {
  if (is_watching && place && !is_openblas(caller)) {
    ++taken_count;
    held += (long)malloc_usable_size(place);
    if (held > most_held) most_held = held;
  }
  return place;
}

void callocations_watch(void) {
  if (!openblas_end) dl_iterate_phdr(find_openblas, NULL);
  held = most_held = 0;
  taken_count = 0;
  is_watching = 1;
}

size_t callocations_most_held(void) {
  is_watching = 0;
  return (size_t)most_held;
}

size_t callocations_watched(void) {
  is_watching = 0;
  return taken_count;
}

static void note(size_t size) {
  if (size < atomic_load_explicit(&threshold, memory_order_relaxed)) return;
  atomic_fetch_add(&allocations, 1);
  size_t known = atomic_load(&largest_size);
  while (size > known && !atomic_compare_exchange_weak(&largest_size, &known, size)) {
  }
}

void callocations_start(size_t smallest) {
  atomic_store(&allocations, 0);
  atomic_store(&largest_size, 0);
  atomic_store(&threshold, smallest);
}

size_t callocations_stop(size_t *largest) {
  atomic_store(&threshold, SIZE_MAX);
  *largest = atomic_load(&largest_size);
  return atomic_load(&allocations);
}

size_t callocations_bytes_in_use(void) {
  struct mallinfo2 information = mallinfo2();
  return information.uordblks + information.hblkhd;
}

// A sanitizer replaces these functions itself; the tests that count find nothing in its builds.
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
void *malloc(size_t size) {
  note(size);
  return taken(__libc_malloc(size), __builtin_return_address(0));
}

void *calloc(size_t count, size_t size) {
  note(count * size);
  return taken(__libc_calloc(count, size), __builtin_return_address(0));
}

void *realloc(void *old, size_t size) {
  note(size);
  const long old_size = is_watching && old ? (long)malloc_usable_size(old) : 0;
  void *place = __libc_realloc(old, size);
  if (place || size == 0) held -= old_size;
  return taken(place, __builtin_return_address(0));
}

void *aligned_alloc(size_t alignment, size_t size) {
  note(size);
  return taken(__libc_memalign(alignment, size), __builtin_return_address(0));
}

int posix_memalign(void **place, size_t alignment, size_t size) {
  note(size);
  void *memory = taken(__libc_memalign(alignment, size), __builtin_return_address(0));
  if (!memory) return ENOMEM;
  *place = memory;
  return 0;
}

void free(void *place) {
  if (is_watching && place && !is_openblas(__builtin_return_address(0))) {
    held -= (long)malloc_usable_size(place);
  }
  __libc_free(place);
}
#endif
