// Checks proofs, roots and notes of Interlock's ledger with the tlog and note packages of the Go checksum database.
// One JSON object a line on stdin, one on stdout.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type ask struct {
	Op     string   `json:"op"` // grow, root, inclusion, consistency, note
	Leaves [][]byte `json:"leaves"`
	Size   int64    `json:"size"`
	Old    int64    `json:"old"`
	Leaf   int64    `json:"leaf"`
	Path   [][]byte `json:"path"`
	Note   string   `json:"note"`
	Key    string   `json:"key"`
}

type answer struct {
	Fine  bool     `json:"fine"`
	Root  []byte   `json:"root,omitempty"`
	Path  [][]byte `json:"path,omitempty"`
	Text  string   `json:"text,omitempty"`
	Error string   `json:"error,omitempty"`
}

// tree holds the hashes of a tree in the order in which tlog stores them.
type tree struct {
	hashes []tlog.Hash
	size   int64
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = t.hashes[index]
	}
	return found, nil
}

func (t *tree) grow(bodies [][]byte) error {
	for _, body := range bodies {
		made, err := tlog.StoredHashes(t.size, body, t)
		if err != nil {
			return err
		}
		t.hashes = append(t.hashes, made...)
		t.size++
	}
	return nil
}

func hashesOf(path [][]byte) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(path))
	for i, hash := range path {
		if len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("hash %d has %d bytes", i, len(hash))
		}
		copy(found[i][:], hash)
	}
	return found, nil
}

func bytesOf(path []tlog.Hash) [][]byte {
	found := make([][]byte, len(path))
	for i := range path {
		found[i] = path[i][:]
	}
	return found
}

func (t *tree) do(a ask) (answer, error) {
	switch a.Op {
	case "grow":
		return answer{Fine: true}, t.grow(a.Leaves)
	case "root":
		root, err := tlog.TreeHash(a.Size, t)
		return answer{Fine: err == nil, Root: root[:]}, err
	case "inclusion":
		return t.inclusion(a)
	case "consistency":
		return t.consistency(a)
	case "note":
		verifier, err := note.NewVerifier(a.Key)
		if err != nil {
			return answer{}, err
		}
		opened, err := note.Open([]byte(a.Note), note.VerifierList(verifier))
		if err != nil {
			return answer{}, err
		}
		return answer{Fine: true, Text: opened.Text}, nil
	}
	return answer{}, fmt.Errorf("no such op: %s", a.Op)
}

func (t *tree) inclusion(a ask) (answer, error) {
	given, err := hashesOf(a.Path)
	if err != nil {
		return answer{}, err
	}
	root, err := tlog.TreeHash(a.Size, t)
	if err != nil {
		return answer{}, err
	}
	leaf := t.hashes[tlog.StoredHashIndex(0, a.Leaf)]
	made, err := tlog.ProveRecord(a.Size, a.Leaf, t)
	if err != nil {
		return answer{}, err
	}
	err = tlog.CheckRecord(given, a.Size, root, a.Leaf, leaf)
	return answer{Fine: err == nil, Path: bytesOf(made), Root: root[:]}, nil
}

func (t *tree) consistency(a ask) (answer, error) {
	given, err := hashesOf(a.Path)
	if err != nil {
		return answer{}, err
	}
	root, err := tlog.TreeHash(a.Size, t)
	if err != nil {
		return answer{}, err
	}
	old, err := tlog.TreeHash(a.Old, t)
	if err != nil {
		return answer{}, err
	}
	made, err := tlog.ProveTree(a.Size, a.Old, t)
	if err != nil {
		return answer{}, err
	}
	err = tlog.CheckTree(given, a.Size, root, a.Old, old)
	return answer{Fine: err == nil, Path: bytesOf(made), Root: root[:]}, nil
}

func main() {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	told, here := json.NewEncoder(out), &tree{}
	for {
		var asked ask
		if err := in.Decode(&asked); err == io.EOF {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		found, err := here.do(asked)
		if err != nil {
			found = answer{Error: err.Error()}
		}
		if err := told.Encode(found); err != nil {
			os.Exit(1)
		}
	}
}
