/// A door to libjpeg-turbo: JPEG bytes to 8-bit RGB and back, errors as text, no global state.
///
/// Every function returns 0 for success. One decoder or encoder serves one thread at a time;
/// it keeps its buffers, so that in steady state only libjpeg's own pools are allocated.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CJPEGDecoder CJPEGDecoder;
typedef struct CJPEGEncoder CJPEGEncoder;

typedef struct {
  int32_t width;
  int32_t height;
  /// 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK.
  int32_t components;
} CJPEGHeader;

/// A decoder, or NULL when memory or the library's version is lacking.
CJPEGDecoder *_Nullable cjpeg_decoder_create(void);
void cjpeg_decoder_destroy(CJPEGDecoder *_Nonnull decoder);

/// What went wrong in the last failed call.
const char *_Nonnull cjpeg_decoder_message(const CJPEGDecoder *_Nonnull decoder);

/// Reads the header of `bytes`, which must stay in place until `cjpeg_decode`; refuses an image of
/// more than `max_pixels` before anything of its size is allocated.
int cjpeg_read_header(CJPEGDecoder *_Nonnull decoder, const uint8_t *_Nullable bytes, size_t count,
                      int64_t max_pixels, CJPEGHeader *_Nonnull header);

/// The length of a side of `length` pixels decoded at scale `eighths`/8 (1...8).
static inline int32_t cjpeg_scaled_length(int32_t length, int32_t eighths) {
  return (int32_t)(((int64_t)length * eighths + 7) / 8);
}

/// Decodes the image whose header was read, at scale `eighths`/8 (1...8), into
/// `rgb` [scaled height, scaled width, 3]. Grey is spread to three channels; CMYK and YCCK are read
/// by Adobe's convention (inverted). Truncated or corrupt data is an error, whatever was decoded.
int cjpeg_decode(CJPEGDecoder *_Nonnull decoder, int32_t eighths, uint8_t *_Nonnull rgb,
                 size_t capacity);

/// An encoder, or NULL when memory or the library's version is lacking.
CJPEGEncoder *_Nullable cjpeg_encoder_create(void);
void cjpeg_encoder_destroy(CJPEGEncoder *_Nonnull encoder);
const char *_Nonnull cjpeg_encoder_message(const CJPEGEncoder *_Nonnull encoder);

/// Encodes `rgb` [height, width, 3] as baseline JPEG of `quality` 1...100 (4:2:0, or 4:4:4 with keeps_chroma) into the
/// encoder's own buffer, which the next call overwrites.
int cjpeg_encode(CJPEGEncoder *_Nonnull encoder, const uint8_t *_Nonnull rgb, int32_t width,
                 int32_t height, int32_t quality, int32_t keeps_chroma);
const uint8_t *_Nullable cjpeg_encoded_bytes(const CJPEGEncoder *_Nonnull encoder);
size_t cjpeg_encoded_count(const CJPEGEncoder *_Nonnull encoder);

#ifdef __cplusplus
}
#endif
