#include "ui/panels/help_menu.h"

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/overlays.h"

namespace switchyard::ui {

void draw_help_button(Studio& studio, bool* shows_shortcuts) {
  constexpr const char* kPopup = "###help.menu";
  if (icon_button("Help###shell.help", Icon::kHelp, "Help (F1)")) open_popover(kPopup);
  if (!begin_popover(kPopup, 17.0F)) return;
  if (menu_item("Keyboard###help.keys", "?")) *shows_shortcuts = true;
  if (menu_item("Glossary###help.glossary")) studio.drawer.show(DrawerTab::kGlossary);
  if (menu_item("Log of the engine###help.log", "Ctrl+`")) studio.drawer.show(DrawerTab::kLog);
  if (menu_item("Start the tour###help.tour")) {
    studio.gallery.is_open = true;
    studio.tour.start();
  }
  end_popover();
}

}  // namespace switchyard::ui
