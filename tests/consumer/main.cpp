// SPDX-License-Identifier: MIT
// The least that shows that lamina's headers are found.
#include <lamina/core/error.hpp>

int main() {
    try {
        throw lamina::FileError("model.safetensors", "is not there");
    } catch (const lamina::Error&) {
        return 0;
    }
}
