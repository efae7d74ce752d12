// SPDX-License-Identifier: MIT
// Token: what a text becomes.
#pragma once

#include <cstdint>

namespace lamina {

/// Index into a vocabulary.
using Token = std::int32_t;

}  // namespace lamina
