// SPDX-License-Identifier: MIT
// parity::run on a GPU.
#include <lamina/backend/cuda/device.hpp>

#include "backend/parity_cuda_run.hpp"

template lamina_tests::parity::Result lamina_tests::parity::run<lamina::device::Cuda>(Kind, Progress);
