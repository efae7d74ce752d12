// SPDX-License-Identifier: MIT
// The conformance suite: what every backend must pass, operation by operation, against naive loops in double.
//
// A backend passes by naming itself:
//
//     #define LAMINA_BACKEND_UNDER_TEST mine::MyBackend
//     #include "backend/conformance.hpp"
//
// in one source file, or in several that include one header of `conformance/` each. A backend that is not made by
// `MyBackend({.threads = n})` specialises `lamina_tests::conformance::UnderTest` first.
#pragma once

#include "backend/conformance/affine.hpp"
#include "backend/conformance/attention.hpp"
#include "backend/conformance/cached_attention.hpp"
#include "backend/conformance/elementwise.hpp"
#include "backend/conformance/embedding.hpp"
#include "backend/conformance/gelu_form.hpp"
#include "backend/conformance/loss.hpp"
#include "backend/conformance/matmul.hpp"
#include "backend/conformance/memory.hpp"
#include "backend/conformance/normalise.hpp"
#include "backend/conformance/normalise_backward.hpp"
#include "backend/conformance/normalise_derivatives.hpp"
#include "backend/conformance/optimiser.hpp"
#include "backend/conformance/replay.hpp"
#include "backend/conformance/rows.hpp"
