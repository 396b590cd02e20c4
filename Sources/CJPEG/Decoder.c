#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/// A progressive file may repeat scans without end at a few bytes each; real ones have about ten.
static const int max_scans = 200;

struct CJPEGDecoder {
  struct jpeg_decompress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf failure;
  char message[JMSG_LENGTH_MAX];
  int has_header;
  uint8_t *ink_row;
  size_t ink_row_bytes;
};

/// A Huffman code has at least one bit and a block of at most 8 x 8 pixels one of them: no byte of a
/// file stands for more pixels than this, so larger images are cut short, whatever their header says.
static const int64_t max_pixels_per_byte = 512;

static void fail(j_common_ptr codec) {
  CJPEGDecoder *decoder = codec->client_data;
  codec->err->format_message(codec, decoder->message);
  longjmp(decoder->failure, 1);
}

/// Warnings that mean lost pixels are failures; the rest (odd headers, stray bytes, and the zeros that
/// some phones write for the spectral range of a sequential scan) are harmless.
static void judge_message(j_common_ptr codec, int level) {
  if (level >= 0) return;
  switch (codec->err->msg_code) {
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_JPEG_EOF:
  case JWRN_MUST_RESYNC:
    fail(codec);
  default:
    codec->err->num_warnings++;
  }
}

static void print_nothing(j_common_ptr codec) { (void)codec; }

static void refuse(CJPEGDecoder *decoder, const char *reason) {
  snprintf(decoder->message, sizeof decoder->message, "%s", reason);
  longjmp(decoder->failure, 1);
}

static void source_begin(j_decompress_ptr codec) { (void)codec; }

static boolean source_is_empty(j_decompress_ptr codec) {
  refuse(codec->client_data, "the data ends before the image does (truncated file)");
  return FALSE;
}

static void source_skip(j_decompress_ptr codec, long count) {
  if (count <= 0) return;
  if ((size_t)count > codec->src->bytes_in_buffer) source_is_empty(codec);
  codec->src->next_input_byte += count;
  codec->src->bytes_in_buffer -= (size_t)count;
}

static void watch_scans(j_common_ptr codec) {
  if (((j_decompress_ptr)codec)->input_scan_number > max_scans)
    refuse(codec->client_data, "more than 200 scans in one progressive image");
}

CJPEGDecoder *cjpeg_decoder_create(void) {
  CJPEGDecoder *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  decoder->codec.err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = fail;
  decoder->errors.emit_message = judge_message;
  decoder->errors.output_message = print_nothing;
  decoder->codec.client_data = decoder;
  decoder->source.init_source = source_begin;
  decoder->source.fill_input_buffer = source_is_empty;
  decoder->source.skip_input_data = source_skip;
  decoder->source.resync_to_restart = jpeg_resync_to_restart;
  decoder->source.term_source = source_begin;
  decoder->progress.progress_monitor = watch_scans;
  if (setjmp(decoder->failure)) {
    free(decoder);
    return NULL;
  }
  jpeg_create_decompress(&decoder->codec);
  return decoder;
}

/// libjpeg keeps the tables of one image for the next, so that a file without its own would decode
/// by what came before it; a new codec for every image forgets them.
static void forget(CJPEGDecoder *decoder) {
  jpeg_destroy_decompress(&decoder->codec);
  jpeg_create_decompress(&decoder->codec);
  decoder->codec.src = &decoder->source;
  decoder->codec.progress = &decoder->progress;
}

void cjpeg_decoder_destroy(CJPEGDecoder *decoder) {
  jpeg_destroy_decompress(&decoder->codec);
  free(decoder->ink_row);
  free(decoder);
}

const char *cjpeg_decoder_message(const CJPEGDecoder *decoder) { return decoder->message; }

int cjpeg_read_header(CJPEGDecoder *decoder, const uint8_t *bytes, size_t count,
                      int64_t max_pixels, CJPEGHeader *header) {
  struct jpeg_decompress_struct *codec = &decoder->codec;
  decoder->has_header = 0;
  decoder->message[0] = 0;
  if (setjmp(decoder->failure)) return 1;
  forget(decoder);
  if (count == 0 || !bytes) refuse(decoder, "the file is empty");
  if (count < 2 || bytes[0] != 0xFF || bytes[1] != 0xD8)
    refuse(decoder, "not a JPEG file (it does not start with FF D8)");
  decoder->source.next_input_byte = bytes;
  decoder->source.bytes_in_buffer = count;
  jpeg_read_header(codec, TRUE);
  if ((int64_t)codec->image_width * (int64_t)codec->image_height > max_pixels) {
    snprintf(decoder->message, sizeof decoder->message,
             "%u x %u pixels are more than the limit of %lld", codec->image_width,
             codec->image_height, (long long)max_pixels);
    longjmp(decoder->failure, 1);
  }
  if ((int64_t)codec->image_width * (int64_t)codec->image_height >
      max_pixels_per_byte * (int64_t)count)
    refuse(decoder, "the file is too short for so many pixels (truncated file)");
  switch (codec->jpeg_color_space) {
  case JCS_GRAYSCALE:
  case JCS_RGB:
  case JCS_YCbCr:
    codec->out_color_space = JCS_RGB;
    break;
  case JCS_CMYK:
  case JCS_YCCK:
    codec->out_color_space = JCS_CMYK;
    break;
  default:
    refuse(decoder, "a colour space other than grey, RGB, YCbCr, CMYK, YCCK");
  }
  header->width = (int32_t)codec->image_width;
  header->height = (int32_t)codec->image_height;
  header->components = codec->num_components;
  decoder->has_header = 1;
  return 0;
}

/// a * b / 255, rounded.
static inline uint8_t times(uint32_t a, uint32_t b) {
  uint32_t product = a * b + 128;
  return (uint8_t)((product + (product >> 8)) >> 8);
}

static void ink_to_rgb(const uint8_t *ink, uint8_t *rgb, size_t width) {
  for (size_t x = 0; x < width; x++) {
    for (int c = 0; c < 3; c++) rgb[3 * x + c] = times(ink[4 * x + c], ink[4 * x + 3]);
  }
}

int cjpeg_decode(CJPEGDecoder *decoder, int32_t eighths, uint8_t *rgb, size_t capacity) {
  struct jpeg_decompress_struct *codec = &decoder->codec;
  if (setjmp(decoder->failure)) return 1;
  if (!decoder->has_header) refuse(decoder, "no header was read before decoding");
  decoder->has_header = 0;
  if (eighths < 1 || eighths > 8) refuse(decoder, "a scale outside 1/8 ... 8/8");
  codec->scale_num = (unsigned)eighths;
  codec->scale_denom = 8;
  codec->dct_method = JDCT_ISLOW;
  jpeg_calc_output_dimensions(codec);
  const size_t width = codec->output_width, height = codec->output_height;
  if (capacity / 3 / width < height) refuse(decoder, "the buffer is smaller than the image");
  const int is_ink = codec->out_color_space == JCS_CMYK;
  if (is_ink && decoder->ink_row_bytes < 4 * width) {
    free(decoder->ink_row);
    decoder->ink_row_bytes = 0;
    decoder->ink_row = malloc(4 * width);
    if (!decoder->ink_row) refuse(decoder, "out of memory");
    decoder->ink_row_bytes = 4 * width;
  }
  jpeg_start_decompress(codec);
  while (codec->output_scanline < height) {
    JSAMPROW rows[8];
    const size_t first = codec->output_scanline;
    size_t count = is_ink ? 1 : height - first < 8 ? height - first : 8;
    for (size_t i = 0; i < count; i++)
      rows[i] = is_ink ? decoder->ink_row : rgb + (first + i) * width * 3;
    if (jpeg_read_scanlines(codec, rows, (JDIMENSION)count) == 0)
      refuse(decoder, "the decoder made no progress");
    if (is_ink) ink_to_rgb(decoder->ink_row, rgb + first * width * 3, width);
  }
  jpeg_finish_decompress(codec);
  return 0;
}
