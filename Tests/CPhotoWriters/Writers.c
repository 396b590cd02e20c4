#include "CPhotoWriters.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <webp/encode.h>

typedef struct {
  uint8_t *bytes;
  size_t count;
} Sink;

static void append(png_structp codec, png_bytep bytes, size_t count) {
  Sink *sink = png_get_io_ptr(codec);
  sink->bytes = realloc(sink->bytes, sink->count + count);
  memcpy(sink->bytes + sink->count, bytes, count);
  sink->count += count;
}

static void flush(png_structp codec) { (void)codec; }

size_t cphoto_png(const CPhotoPNG *photo, const uint8_t *rows, uint8_t **bytes) {
  Sink sink = {0};
  png_structp codec = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(codec);
  png_set_write_fn(codec, &sink, append, flush);
  png_set_IHDR(codec, info, (png_uint_32)photo->width, (png_uint_32)photo->height,
               photo->bit_depth, photo->color_type,
               photo->is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_filter(codec, 0, PNG_ALL_FILTERS);
  if (photo->palette)
    png_set_PLTE(codec, info, (png_const_colorp)photo->palette, photo->palette_count);
  if (photo->palette_alpha)
    png_set_tRNS(codec, info, (png_bytep)photo->palette_alpha, photo->palette_alpha_count, NULL);
  if (photo->key[0] >= 0) {
    png_color_16 key = {0};
    key.gray = (png_uint_16)photo->key[0];
    key.red = (png_uint_16)photo->key[0];
    key.green = (png_uint_16)photo->key[1];
    key.blue = (png_uint_16)photo->key[2];
    png_set_tRNS(codec, info, NULL, 0, &key);
  }
  if (photo->gamma > 0) png_set_gAMA_fixed(codec, info, photo->gamma);
  if (photo->text) {
    png_text text = {0};
    text.compression = PNG_TEXT_COMPRESSION_zTXt;
    text.key = (char *)photo->text_keyword;
    text.text = (char *)photo->text;
    text.text_length = strlen(photo->text);
    png_set_text(codec, info, &text, 1);
  }
  png_write_info(codec, info);
  const int passes = png_set_interlace_handling(codec);
  const size_t stride = png_get_rowbytes(codec, info);
  for (int pass = 0; pass < passes; pass++) {
    for (int y = 0; y < photo->height; y++) png_write_row(codec, rows + stride * (size_t)y);
  }
  png_write_end(codec, info);
  png_destroy_write_struct(&codec, &info);
  *bytes = sink.bytes;
  return sink.count;
}

size_t cphoto_webp(const uint8_t *rgba, int32_t width, int32_t height, float quality,
                   uint8_t **bytes) {
  WebPConfig config;
  WebPPicture picture;
  WebPMemoryWriter writer;
  if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) return 0;
  config.lossless = quality > 100;
  config.quality = quality > 100 ? 50 : quality;
  // Colours below full transparency stay as they are.
  config.exact = 1;
  picture.use_argb = 1;
  picture.width = width;
  picture.height = height;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const int is_good = WebPPictureImportRGBA(&picture, rgba, 4 * width) &&
                      WebPEncode(&config, &picture);
  WebPPictureFree(&picture);
  if (!is_good) {
    WebPMemoryWriterClear(&writer);
    return 0;
  }
  uint8_t *copy = malloc(writer.size);
  memcpy(copy, writer.mem, writer.size);
  const size_t count = writer.size;
  WebPMemoryWriterClear(&writer);
  *bytes = copy;
  return count;
}
