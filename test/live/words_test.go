package live

import (
	"bytes"
	"sync"
)

// words are what a program has said so far, which can be read while it runs.
type words struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write keeps what the program says.
func (w *words) Write(p []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.String()
}
