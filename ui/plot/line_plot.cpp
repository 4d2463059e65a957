#include "ui/plot/line_plot.h"
