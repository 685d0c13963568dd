package live

import (
	"bytes"
	"sync"
)

// syncBuffer holds what a program has said so far, which can be read while it runs.
type syncBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write keeps what the program says.
func (w *syncBuffer) Write(p []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.Write(p)
}

func (w *syncBuffer) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.String()
}
