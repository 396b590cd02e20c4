/// Writes PNG and WebP files of any kind by libpng and libwebp, for tests of their readers.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
  int32_t width, height;
  /// libpng's: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
  int32_t color_type;
  /// 1, 2, 4, 8 or 16.
  int32_t bit_depth;
  int32_t is_interlaced;
  /// Triples, for palettes.
  const uint8_t *_Nullable palette;
  int32_t palette_count;
  /// Alpha of the palette's first colours.
  const uint8_t *_Nullable palette_alpha;
  int32_t palette_alpha_count;
  /// The grey level or the colour that is transparent; -1 for none.
  int32_t key[3];
  /// A gamma chunk in 1/100,000; 0 for none.
  int32_t gamma;
  const char *_Nullable text_keyword;
  const char *_Nullable text;
} CPhotoPNG;

/// Writes `rows`, as PNG stores them, into memory that `free` gives back; the count of bytes.
size_t cphoto_png(const CPhotoPNG *_Nonnull photo, const uint8_t *_Nonnull rows,
                  uint8_t *_Nullable *_Nonnull bytes);

/// Writes RGBA [height, width, 4] as WebP, lossless where `quality` is above 100.
size_t cphoto_webp(const uint8_t *_Nonnull rgba, int32_t width, int32_t height, float quality,
                   uint8_t *_Nullable *_Nonnull bytes);
