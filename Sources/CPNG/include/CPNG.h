/// A door to libpng: PNG bytes to 8-bit RGB, errors as text, no global state.
///
/// Every function returns 0 for success. One decoder serves one thread at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CPNGDecoder CPNGDecoder;

typedef struct {
  int32_t width;
  int32_t height;
} CPNGHeader;

/// A decoder, or NULL when memory is lacking.
CPNGDecoder *_Nullable cpng_decoder_create(void);
void cpng_decoder_destroy(CPNGDecoder *_Nonnull decoder);

/// What went wrong in the last failed call.
const char *_Nonnull cpng_decoder_message(const CPNGDecoder *_Nonnull decoder);

/// Reads the chunks of `bytes` before the pixels; `bytes` must stay in place until `cpng_decode`.
/// Refuses an image of more than `max_pixels`, or of more than `count` bytes can unfold to, before
/// anything of its size is allocated.
int cpng_read_header(CPNGDecoder *_Nonnull decoder, const uint8_t *_Nullable bytes, size_t count,
                     int64_t max_pixels, CPNGHeader *_Nonnull header);

/// The EXIF block that ImageMagick keeps as text ("Raw profile type exif"), of `count` bytes, after
/// `cpng_read_header`; NULL where there is none.
const uint8_t *_Nullable cpng_text_exif(const CPNGDecoder *_Nonnull decoder, size_t *_Nonnull count);

/// Decodes the image whose header was read into `rgb` [height, width, 3]: grey and palettes spread to
/// three channels, the upper byte of 16 bits, transparency over black. A file that does not reach
/// its last chunk, or whose checksums are wrong, is an error, whatever was decoded.
int cpng_decode(CPNGDecoder *_Nonnull decoder, uint8_t *_Nonnull rgb, size_t capacity);

#ifdef __cplusplus
}
#endif
