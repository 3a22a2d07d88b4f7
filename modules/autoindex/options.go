package autoindex

import (
	"errors"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// options are those of IndexOptions that are on or off.
type options uint32

const (
	none options = 1 << iota
	iconsAreLinks
	scanTitles
	suppressIcon
	suppressModified
	suppressSize
	suppressDescription
	suppressPreamble
	suppressSorting
	suppressRules
	foldersFirst
	versionSort
	trackModified
	fancy
	table
	ignoreClient
	ignoreCase
	xhtml
	showForbidden
	addAltClass
)

var optionWords = map[string]options{
	"fancyindexing": fancy, "foldersfirst": foldersFirst, "htmltable": table, "iconsarelinks": iconsAreLinks,
	"ignorecase": ignoreCase, "ignoreclient": ignoreClient, "scanhtmltitles": scanTitles,
	"suppresscolumnsorting": suppressSorting, "suppressdescription": suppressDescription,
	"suppresshtmlpreamble": suppressPreamble, "suppressicon": suppressIcon, "suppresslastmodified": suppressModified,
	"suppresssize": suppressSize, "suppressrules": suppressRules, "trackmodified": trackModified,
	"versionsort": versionSort, "xhtml": xhtml, "showforbidden": showForbidden, "addaltclass": addAltClass,
}

// The dimensions of the icons that Apache brings.
const defaultIconWidth, defaultIconHeight = 20, 22

// setOptions is add_opts. What an option with a value says is kept even where
// another word is wrong or +, - or None come later.
func (c *config) setOptions(_ *directives.Cmd, words []string) error {
	opts, said, add, remove := c.options, c.said, c.add, c.remove
	for _, word := range words {
		action := byte(0)
		if word != "" && (word[0] == '+' || word[0] == '-') {
			action, word = word[0], word[1:]
		}
		option, ok := optionWords[strings.ToLower(word)]
		switch {
		case ok:
		case strings.EqualFold(word, "None"):
			if action != 0 {
				return errors.New("Cannot combine '+' or '-' with 'None' keyword")
			}
			opts, said, add, remove = none, true, 0, 0
		default:
			if err := c.setValue(action, word); err != nil {
				return err
			}
		}
		switch action {
		case 0:
			opts |= option
			add, remove = 0, 0
		case '+':
			add |= option
			remove &^= option
		default:
			remove |= option
			add &^= option
		}
	}
	if opts&none != 0 && opts&^none != 0 {
		return errors.New("Cannot combine other IndexOptions keywords with 'None'")
	}
	c.options, c.said, c.add, c.remove = opts, said, add, remove
	return nil
}

// setValue is an option that is more than on or off.
func (c *config) setValue(action byte, word string) error {
	key, value, given := strings.Cut(word, "=")
	if given && action == '-' {
		if name, ok := map[string]string{"iconwidth": "IconWidth", "iconheight": "IconHeight", "namewidth": "NameWidth",
			"descriptionwidth": "DescriptionWidth"}[strings.ToLower(key)]; ok {
			return errors.New("Cannot combine '-' with " + name + "=n")
		}
	}
	switch key = strings.ToLower(key); {
	case key == "iconwidth" && given:
		c.iconWidth = atoi(value)
	case key == "iconwidth":
		c.iconWidth = 0
		if action != '-' {
			c.iconWidth = defaultIconWidth
		}
	case key == "iconheight" && given:
		c.iconHeight = atoi(value)
	case key == "iconheight":
		c.iconHeight = 0
		if action != '-' {
			c.iconHeight = defaultIconHeight
		}
	case key == "namewidth":
		return c.name.set("NameWidth", 5, action, value, given)
	case key == "descriptionwidth":
		return c.desc.set("DescriptionWidth", 12, action, value, given)
	case key == "type" && given:
		c.contentType = value
	case key == "charset" && given:
		c.charset = value
	case key == "useolddateformat" && !given:
		c.oldDate = true
	default:
		return errors.New("Invalid directory indexing option")
	}
	return nil
}

func (w *width) set(name string, least int, action byte, value string, given bool) error {
	switch {
	case !given && action != '-':
		return errors.New(name + " with no value may only appear as '-" + name + "'")
	case !given:
		*w = width{fixed, defaultWidth}
	case strings.HasPrefix(value, "*"):
		*w = width{adjusted, w.chars()}
	default:
		n := atoi(value)
		if n != 0 && n < least {
			return errors.New(name + " value must be greater than " + strconv.Itoa(least))
		}
		*w = width{fixed, n}
	}
	return nil
}

// atoi is the number that s begins with, 0 for none.
func atoi(s string) int {
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}
