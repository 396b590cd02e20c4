"""Compares what `ddp-train align` wrote with insightface's norm_crop in NumPy and OpenCV.

The similarity is Umeyama's (1991), as skimage's SimilarityTransform estimates it, from the five points
to insightface's template of 112 x 112; the warp is OpenCV's, bilinear, black beyond the edge.

    python3 scripts/golden/align.py PHOTOS POINTS ALIGNED [QUALITY]     (needs numpy, opencv)

POINTS has lines `path x1 y1 ... x5 y5`. Prints the mean difference in grey levels of every photo's
pixels from the reference, and from the reference after OpenCV's own JPEG of QUALITY; the last line
is the mean over all photos, and the exit status 1 where the first mean of any photo is above 1.
"""

import pathlib
import sys

import cv2
import numpy as np

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]])


def umeyama(source, target):
    """The 2 x 3 matrix of the least-squares similarity (Umeyama 1991, equations 34 to 43)."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    covariance = t.T @ s / len(source)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.array([1.0, np.sign(np.linalg.det(covariance))])
    rotation = u @ np.diag(sign) @ vt
    scale = (d * sign).sum() / s.var(0).sum()
    return np.hstack([scale * rotation, (mean_t - scale * rotation @ mean_s)[:, None]])


def main():
    photos, points, aligned = (pathlib.Path(argument) for argument in sys.argv[1:4])
    quality = int(sys.argv[4]) if len(sys.argv) > 4 else 98
    differences, of_jpeg = [], []
    for line in points.read_text().splitlines():
        words = line.split()
        path, numbers = " ".join(words[:-10]), np.array(words[-10:], float).reshape(5, 2)
        image = cv2.imread(str(photos / path))
        if image is None:
            continue
        reference = cv2.warpAffine(image, umeyama(numbers, TEMPLATE), (112, 112), borderValue=0)
        own = cv2.imread(str(aligned / path)).astype(float)
        encoded = cv2.imencode(".jpg", reference, [
            cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444])[1]
        differences.append(np.abs(own - reference).mean())
        of_jpeg.append(np.abs(own - cv2.imdecode(encoded, cv2.IMREAD_COLOR)).mean())
    print(f"{len(differences)} photos")
    print(f"from the reference: mean {np.mean(differences):.4f}, largest {np.max(differences):.4f}")
    print(f"from its JPEG: mean {np.mean(of_jpeg):.4f}, largest {np.max(of_jpeg):.4f}")
    sys.exit(int(np.max(differences) > 1))


if __name__ == "__main__":
    main()
