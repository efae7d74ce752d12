// SPDX-License-Identifier: MIT
#include <lamina/train/loss_mean.hpp>

#include <lamina/train/trainer.hpp>

static_assert(lamina::train::TrainerOptions{}.loss_mean == lamina::train::LossMean::over_tokens, "lamina's own choice");
