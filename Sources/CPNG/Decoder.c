#include "CPNG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/// Text and profiles beyond this are passed over: nothing of them is in the pixels.
static const size_t max_chunk_bytes = 1 << 18;

/// What one byte of deflate stands for at most (RFC 1951: 258 bytes of two bits and their code).
static const int64_t max_raw_bytes_per_byte = 1032;

struct CPNGDecoder {
  png_structp codec;
  png_infop info;
  const uint8_t *next;
  size_t left;
  jmp_buf failure;
  char message[160];
  int has_header;
  /// Whether every row is there; what may follow says nothing of pixels.
  int has_rows;
  /// Whether the file ended behind the last row.
  int is_whole;
  uint8_t *exif;
  size_t exif_count;
};

static void refuse(CPNGDecoder *decoder, const char *reason) {
  snprintf(decoder->message, sizeof decoder->message, "%s", reason);
  longjmp(decoder->failure, 1);
}

static void fail(png_structp codec, png_const_charp reason) {
  refuse(png_get_error_ptr(codec), reason);
}

/// What is lost with a chunk of text is no loss of pixels; transparency is.
static void judge_warning(png_structp codec, png_const_charp reason) {
  if (strncmp(reason, "tRNS", 4) == 0 && strstr(reason, "CRC")) fail(codec, reason);
}

static void take(png_structp codec, png_bytep target, size_t count) {
  CPNGDecoder *decoder = png_get_io_ptr(codec);
  if (count > decoder->left && decoder->has_rows) decoder->is_whole = 1;
  if (count > decoder->left) refuse(decoder, "the data ends before the image does (truncated file)");
  memcpy(target, decoder->next, count);
  decoder->next += count;
  decoder->left -= count;
}

CPNGDecoder *cpng_decoder_create(void) { return calloc(1, sizeof(CPNGDecoder)); }

static void forget(CPNGDecoder *decoder) {
  if (decoder->codec) png_destroy_read_struct(&decoder->codec, &decoder->info, NULL);
  free(decoder->exif);
  decoder->exif = NULL;
  decoder->exif_count = 0;
  decoder->has_header = 0;
  decoder->has_rows = 0;
  decoder->is_whole = 0;
}

void cpng_decoder_destroy(CPNGDecoder *decoder) {
  forget(decoder);
  free(decoder);
}

const char *cpng_decoder_message(const CPNGDecoder *decoder) { return decoder->message; }

const uint8_t *cpng_text_exif(const CPNGDecoder *decoder, size_t *count) {
  *count = decoder->exif_count;
  return decoder->exif;
}

static void open_codec(CPNGDecoder *decoder) {
  // Colour is taken as it is stored, as OpenCV and Pillow do: chunks that would change it, and those
  // of no use here, are not even looked into.
  static const char ignored[] =
      "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0tIME";
  decoder->codec = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder, fail, judge_warning);
  if (!decoder->codec) refuse(decoder, "libpng could not be started (memory or library version)");
  decoder->info = png_create_info_struct(decoder->codec);
  if (!decoder->info) refuse(decoder, "out of memory");
  png_set_read_fn(decoder->codec, decoder, take);
  png_set_benign_errors(decoder->codec, 1);
  png_set_user_limits(decoder->codec, 0x7fffffff, 0x7fffffff);
  png_set_chunk_malloc_max(decoder->codec, max_chunk_bytes);
  png_set_chunk_cache_max(decoder->codec, 64);
  png_set_keep_unknown_chunks(decoder->codec, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
  png_set_keep_unknown_chunks(decoder->codec, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)ignored,
                              (int)(sizeof ignored / 5));
}

static int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

/// "\nexif\n      38\n4578..." as ImageMagick writes it; anything else is passed over.
static void keep_text_exif(CPNGDecoder *decoder, const char *text, size_t length) {
  const char *end = text + length;
  for (int line = 0; line < 3; line++) {
    if (line > 0 || (text < end && *text == '\n')) {
      const char *stop = memchr(text, '\n', (size_t)(end - text));
      if (!stop) return;
      text = stop + 1;
    }
  }
  uint8_t *block = malloc(length / 2 + 1);
  if (!block) refuse(decoder, "out of memory");
  size_t count = 0;
  int high = -1;
  for (; text < end; text++) {
    const int digit = hex_digit(*text);
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      block[count++] = (uint8_t)(high << 4 | digit);
      high = -1;
    }
  }
  free(decoder->exif);
  decoder->exif = block;
  decoder->exif_count = count;
}

static void look_for_exif(CPNGDecoder *decoder) {
  png_textp texts = NULL;
  int count = 0;
  png_get_text(decoder->codec, decoder->info, &texts, &count);
  for (int i = 0; i < count; i++) {
    if (strcmp(texts[i].key, "Raw profile type exif") == 0 ||
        strcmp(texts[i].key, "Raw profile type APP1") == 0) {
      const size_t length = texts[i].text ? strlen(texts[i].text) : 0;
      if (length > 0) keep_text_exif(decoder, texts[i].text, length);
    }
  }
}

int cpng_read_header(CPNGDecoder *decoder, const uint8_t *bytes, size_t count, int64_t max_pixels,
                     CPNGHeader *header) {
  decoder->message[0] = 0;
  forget(decoder);
  if (setjmp(decoder->failure)) {
    forget(decoder);
    return 1;
  }
  if (count == 0 || !bytes) refuse(decoder, "the file is empty");
  open_codec(decoder);
  decoder->next = bytes;
  decoder->left = count;
  png_read_info(decoder->codec, decoder->info);
  const png_uint_32 width = png_get_image_width(decoder->codec, decoder->info);
  const png_uint_32 height = png_get_image_height(decoder->codec, decoder->info);
  if ((int64_t)width * (int64_t)height > max_pixels) {
    snprintf(decoder->message, sizeof decoder->message,
             "%u x %u pixels are more than the limit of %lld", width, height,
             (long long)max_pixels);
    longjmp(decoder->failure, 1);
  }
  const int64_t raw = (int64_t)png_get_rowbytes(decoder->codec, decoder->info) * (int64_t)height;
  if (raw > max_raw_bytes_per_byte * (int64_t)count)
    refuse(decoder, "the file is too short for so many pixels (truncated file)");
  look_for_exif(decoder);
  header->width = (int32_t)width;
  header->height = (int32_t)height;
  decoder->has_header = 1;
  return 0;
}

int cpng_decode(CPNGDecoder *decoder, uint8_t *rgb, size_t capacity) {
  if (setjmp(decoder->failure)) {
    const int is_whole = decoder->is_whole;
    forget(decoder);
    return is_whole ? 0 : 1;
  }
  if (!decoder->has_header) refuse(decoder, "no header was read before decoding");
  png_structp codec = decoder->codec;
  png_infop info = decoder->info;
  const size_t width = png_get_image_width(codec, info);
  const size_t height = png_get_image_height(codec, info);
  const int type = png_get_color_type(codec, info);
  const int has_key = png_get_valid(codec, info, PNG_INFO_tRNS) != 0;
  if (capacity / 3 / width < height) refuse(decoder, "the buffer is smaller than the image");
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(codec);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(codec);
  if (has_key) png_set_tRNS_to_alpha(codec);
  if (has_key || (type & PNG_COLOR_MASK_ALPHA)) {
    const png_color_16 black = {0, 0, 0, 0, 0};
    png_set_background_fixed(codec, &black, PNG_BACKGROUND_GAMMA_SCREEN, 0, PNG_FP_1);
  }
  png_set_strip_16(codec);
  if (!(type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(codec);
  const int passes = png_set_interlace_handling(codec);
  png_read_update_info(codec, info);
  if (png_get_rowbytes(codec, info) != 3 * width) refuse(decoder, "a kind of PNG that is not read");
  for (int pass = 0; pass < passes; pass++) {
    for (size_t y = 0; y < height; y++) png_read_row(codec, rgb + 3 * width * y, NULL);
  }
  decoder->has_rows = 1;
  png_read_end(codec, NULL);
  forget(decoder);
  return 0;
}
