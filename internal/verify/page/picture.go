package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"sync"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

//go:embed picture.svg
var pictureText string

var pictureLayout = sync.OnceValue(func() *template.Template {
	return template.Must(newLayout().New("picture").Parse(pictureText))
})

// Where the time line is in the picture, below the maps.
const pictureLineY = 510

// drawn is what the picture shows of a report.
type drawn struct {
	view
	LegendY, Height float64
}

// MapX is where map number i is, in the units of the picture's viewBox.
func (drawn) MapX(i int) int { return 24 + i*323 }

// Picture returns the maps and the time line of a report as one SVG, which loads
// nothing. The same report gives the same bytes.
func Picture(r *result.Report) ([]byte, error) {
	d := drawn{view: newView(r)}
	d.LegendY = pictureLineY + d.Line.Height + 20
	d.Height = d.LegendY + 24
	var svg bytes.Buffer
	if err := pictureLayout().Execute(&svg, d); err != nil {
		return nil, fmt.Errorf("drawing the picture: %w", err)
	}
	return svg.Bytes(), nil
}
