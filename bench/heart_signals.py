#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tokens for HeartGPT of a signal: a sample becomes 0 to 100 between the least and the greatest of its window of 500.

Writes raw uint16, window after window, which remove_layernorm reads with --token-format raw-u16. SIGNAL is a text file with a
sample in each line, or with columns between commas, of which the last is meant; lines without a number there are passed over.
"""
import argparse
import array
import sys

WINDOW = 500


def samples_in(path):
    samples = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                samples.append(float(line.rsplit(",", 1)[-1]))
            except ValueError:
                pass
    return samples


def resampled(samples, rate, wanted):
    """The mean over what falls between two new samples, then linear between its values."""
    width = max(1, round(rate / wanted))
    means = [sum(samples[i:i + width]) / width for i in range(len(samples) - width + 1)]
    result = []
    for i in range(int(len(means) * wanted / rate)):
        place = i * rate / wanted
        left = min(int(place), len(means) - 1)
        right = min(left + 1, len(means) - 1)
        result.append(means[left] + (place - left) * (means[right] - means[left]))
    return result


def tokens_of(window):
    least, greatest = min(window), max(window)
    return [round(100 * (sample - least) / (greatest - least)) for sample in window]


def tokens(samples, stride):
    """Of every window that is not flat."""
    windows = (samples[i:i + WINDOW] for i in range(0, len(samples) - WINDOW + 1, stride))
    return [token for window in windows if min(window) < max(window) for token in tokens_of(window)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("signal", metavar="SIGNAL")
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--hertz", type=float, default=50, help="rate of the signal (default: %(default)s)")
    parser.add_argument("--as-hertz", type=float, default=50, help="rate that the model knows (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="SAMPLE", help="where to begin (default: %(default)s)")
    parser.add_argument("--end", type=int, metavar="SAMPLE", help="where to end (default: the end)")
    parser.add_argument("--stride", type=int, default=WINDOW, help="samples between windows (default: %(default)s)")
    options = parser.parse_args()
    if options.stride < 1 or options.hertz <= 0 or options.as_hertz <= 0:
        parser.error("--stride, --hertz and --as-hertz: expected more than 0")
    samples = samples_in(options.signal)
    if options.hertz != options.as_hertz:
        samples = resampled(samples, options.hertz, options.as_hertz)
    result = array.array("H", tokens(samples[options.first:options.end], options.stride))
    if not result:
        sys.exit(f"heart_signals.py: {options.signal}: has {len(samples)} samples, expected {WINDOW} that differ, or more")
    if sys.byteorder == "big":
        result.byteswap()
    with open(options.out, "wb") as file:
        result.tofile(file)
    print(f"{len(result) // WINDOW} windows, {len(result)} tokens")


if __name__ == "__main__":
    main()
