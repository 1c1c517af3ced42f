# What check reads, followed; check says what fails.

# f.cold and f.part.0 are parts of f
function without_part(name) {
    while (sub(/\.(cold|part|constprop|isra|lto_priv)(\.[0-9]+)*$/, "", name)) { }
    return name
}
function fail(sentence) {
    if (!(sentence in said)) {
        said[sentence] = 1
        print library ": " sentence
        failed = 1
    }
}
function name_of(node,    parts) {
    split(node, parts, SUBSEP)
    return parts[2]
}
# The functions that a relocation in `object` may mean, as nodes with blanks between; "": none of ours
function resolve(target, object) {
    if ((object, target) in functions_in_section) {
        return functions_in_section[object, target]
    }
    if ((object, without_part(target)) in is_function) {
        return object SUBSEP without_part(target)
    }
    return target in home && (home[target], target) in is_function ? home[target] SUBSEP target : ""
}
function is_data(target) {
    return (target ~ /^\./ && target !~ /^\.text/) || (target in home && !(target in is_global_function))
}
function strictness(context) {
    return context == "HANDLER" ? 3 : context == "GATE" ? 2 : context == "CONTROL" ? 1 : 0
}

$1 == "allowed" { is_allowed[$2] = 1; next }
$1 == "because" { for (i = 3; i <= NF; i++) because[$i] = $2; next }
$1 == "called" { called[$2] = $3; next }
$1 == "held" { held[++held_count] = $2 " " $3 " " $4; next }
$1 == "object" { object = $2; next }
$1 == "global" { home[$2] = object; if ($3 == "FUNC") is_global_function[$2] = 1; next }
$1 == "table" { in_table[object, $2] = 1; next }
$1 == "function" {
    node = object SUBSEP without_part($3)
    is_function[node] = 1
    if (index(" " functions_in_section[object, $2] " ", " " node " ") == 0) {
        functions_in_section[object, $2] = functions_in_section[object, $2] " " node
    }
    if ($2 ~ /^\.text\.vellum_/) {
        split($2, words, /[._]/)
        context[node] = toupper(words[4])
    }
    next
}
$1 == "reference" {
    node = object SUBSEP without_part($2)
    references[node] = references[node] " " $3
    if ($4 == "address") {
        is_taken[object, $3] = node
    }
    next
}

function visit(node, root_context, path,    targets, count, i, parts, nodes, nodes_count, j, name) {
    if ((node, root_context) in seen) {
        return
    }
    seen[node, root_context] = 1
    split(node, parts, SUBSEP)
    count = split(references[node], targets, " ")
    for (i = 1; i <= count; i++) {
        if (is_data(targets[i])) {
            continue
        }
        nodes_count = split(resolve(targets[i], parts[1]), nodes, " ")
        for (j = 1; j <= nodes_count; j++) {
            name = name_of(nodes[j])
            if (context[nodes[j]] == "CONTROL") {
                fail(name ", ordinary code (CONTROL), is reached in " where[root_context] ": " path " > " name)
            } else if (context[nodes[j]] == "GATE" && root_context == "HANDLER") {
                fail(name ", of the control thread (GATE), is reached in a handler or in the VMM loop: " path " > " name)
            } else {
                visit(nodes[j], root_context, path " > " name)
            }
        }
        if (nodes_count == 0 && !(targets[i] in is_allowed)) {
            fail(targets[i] " is called in " where[root_context] ": " path " > " targets[i] \
                (targets[i] in because ? ", which " because[targets[i]] : ""))
        }
    }
}

END {
    where["HANDLER"] = "a handler or in the VMM loop"
    where["GATE"] = "code behind the gate"
    for (key in in_table) {
        split(key, parts, SUBSEP)
        count = split(resolve(parts[2], parts[1]), nodes, " ")
        for (i = 1; i <= count; i++) {
            if (!(nodes[i] in context)) {
                fail(name_of(nodes[i]) " is in a table of functions, and no annotation says in which context it is called")
            }
        }
    }
    for (key in is_taken) {
        split(key, parts, SUBSEP)
        count = is_data(parts[2]) ? 0 : split(resolve(parts[2], parts[1]), nodes, " ")
        for (i = 1; i <= count; i++) {
            if (!(nodes[i] in context)) {
                fail("the address of " name_of(nodes[i]) " is taken by " name_of(is_taken[key]) \
                    ", and no annotation says in which context it is called")
            }
        }
    }
    for (node in is_function) {
        split(node, parts, SUBSEP)
        by_file[parts[2], parts[1]] = node
        count = split(parts[1], words, "/")
        file = words[count]
        sub(/\.(o|obj)$/, "", file)
        in_file[file, parts[2]] = node
        if (parts[2] in home && home[parts[2]] == parts[1]) {
            global_node[parts[2]] = node
        }
    }
    for (i = 1; i <= held_count; i++) {
        split(held[i], words, " ")
        node = (words[3], words[2]) in in_file ? in_file[words[3], words[2]] : global_node[words[2]]
        if (node != "" && words[1] in called && strictness(context[node]) < strictness(called[words[1]])) {
            fail(words[2] " is annotated " (node in context && context[node] != "" ? context[node] : "in no way") \
                ", and a table has it as " words[1] ", which is called in context " called[words[1]])
        }
    }
    for (node in context) {
        if (context[node] == "GATE" || context[node] == "HANDLER") {
            roots++
            visit(node, context[node], name_of(node))
        }
    }
    for (key in seen) {
        reached++
    }
    if (roots == 0) {
        print library ": no function is annotated GATE or HANDLER"
    }
    printf "%s: %d functions reached from %d, %s\n", library, reached, roots, failed ? "FAILED" : "none calls what it must not"
    exit failed
}
