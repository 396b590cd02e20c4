#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

struct CJPEGEncoder {
  struct jpeg_compress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_destination_mgr destination;
  jmp_buf failure;
  char message[JMSG_LENGTH_MAX];
  uint8_t *bytes;
  size_t capacity;
  size_t count;
};

static void fail(j_common_ptr codec) {
  CJPEGEncoder *encoder = codec->client_data;
  codec->err->format_message(codec, encoder->message);
  longjmp(encoder->failure, 1);
}

static void refuse(CJPEGEncoder *encoder, const char *reason) {
  snprintf(encoder->message, sizeof encoder->message, "%s", reason);
  longjmp(encoder->failure, 1);
}

static void print_nothing(j_common_ptr codec) { (void)codec; }
static void ignore_level(j_common_ptr codec, int level) { (void)codec, (void)level; }

static void destination_begin(j_compress_ptr codec) {
  CJPEGEncoder *encoder = codec->client_data;
  encoder->destination.next_output_byte = encoder->bytes;
  encoder->destination.free_in_buffer = encoder->capacity;
}

/// libjpeg calls this when the whole buffer is full, whatever `free_in_buffer` says.
static boolean destination_is_full(j_compress_ptr codec) {
  CJPEGEncoder *encoder = codec->client_data;
  const size_t used = encoder->capacity;
  uint8_t *grown = realloc(encoder->bytes, 2 * used);
  if (!grown) refuse(encoder, "out of memory");
  encoder->bytes = grown;
  encoder->capacity = 2 * used;
  encoder->destination.next_output_byte = grown + used;
  encoder->destination.free_in_buffer = used;
  return TRUE;
}

static void destination_end(j_compress_ptr codec) {
  CJPEGEncoder *encoder = codec->client_data;
  encoder->count = encoder->capacity - encoder->destination.free_in_buffer;
}

CJPEGEncoder *cjpeg_encoder_create(void) {
  CJPEGEncoder *encoder = calloc(1, sizeof *encoder);
  if (!encoder) return NULL;
  encoder->capacity = 1 << 15;
  encoder->bytes = malloc(encoder->capacity);
  encoder->codec.err = jpeg_std_error(&encoder->errors);
  encoder->errors.error_exit = fail;
  encoder->errors.emit_message = ignore_level;
  encoder->errors.output_message = print_nothing;
  encoder->codec.client_data = encoder;
  if (!encoder->bytes || setjmp(encoder->failure)) {
    free(encoder->bytes);
    free(encoder);
    return NULL;
  }
  jpeg_create_compress(&encoder->codec);
  encoder->destination.init_destination = destination_begin;
  encoder->destination.empty_output_buffer = destination_is_full;
  encoder->destination.term_destination = destination_end;
  encoder->codec.dest = &encoder->destination;
  return encoder;
}

void cjpeg_encoder_destroy(CJPEGEncoder *encoder) {
  jpeg_destroy_compress(&encoder->codec);
  free(encoder->bytes);
  free(encoder);
}

const char *cjpeg_encoder_message(const CJPEGEncoder *encoder) { return encoder->message; }

int cjpeg_encode(CJPEGEncoder *encoder, const uint8_t *rgb, int32_t width, int32_t height,
                 int32_t quality, int32_t keeps_chroma) {
  struct jpeg_compress_struct *codec = &encoder->codec;
  encoder->message[0] = 0;
  encoder->count = 0;
  if (setjmp(encoder->failure)) {
    jpeg_abort_compress(codec);
    encoder->count = 0;
    return 1;
  }
  if (width < 1 || height < 1) refuse(encoder, "an image without pixels");
  if (quality < 1 || quality > 100) refuse(encoder, "a quality outside 1 ... 100");
  codec->image_width = (JDIMENSION)width;
  codec->image_height = (JDIMENSION)height;
  codec->input_components = 3;
  codec->in_color_space = JCS_RGB;
  jpeg_set_defaults(codec);
  jpeg_set_quality(codec, quality, TRUE);
  codec->dct_method = JDCT_ISLOW;
  if (keeps_chroma) codec->comp_info[0].h_samp_factor = codec->comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(codec, TRUE);
  while (codec->next_scanline < codec->image_height) {
    JSAMPROW row = (JSAMPROW)(rgb + (size_t)codec->next_scanline * (size_t)width * 3);
    jpeg_write_scanlines(codec, &row, 1);
  }
  jpeg_finish_compress(codec);
  return 0;
}

const uint8_t *cjpeg_encoded_bytes(const CJPEGEncoder *encoder) { return encoder->bytes; }
size_t cjpeg_encoded_count(const CJPEGEncoder *encoder) { return encoder->count; }
