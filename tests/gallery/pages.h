#pragma once

#include <memory>
#include <span>

#include "ui/panels/panel.h"

namespace switchyard::ui {

/// Every control in every state, three columns, without a shell. Screen of 1440 × 900 at scale 1.
void draw_kit_page();

/// Menus, popovers, toasts, tags, confirmations, tabs. Same screen.
void draw_overlay_page();

/// Panels with plots and maps on made-up curves, for the shell.
std::span<const PanelEntry> plot_page_panels();

/// Strips around those panels.
void draw_sample_run_bar();
void draw_sample_status();

}  // namespace switchyard::ui
