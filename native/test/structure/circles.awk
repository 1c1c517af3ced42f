# Reads "arrow FROM TO WHY" and fails if arrows lead in a circle, with one of them; `what` begins each sentence.
$1 == "arrow" && !(($2, $3) in why) {
    to[$2] = to[$2] " " $3
    why[$2, $3] = $4
    arrows++
}
function visit(node, path,    nodes, count, i, start) {
    state[node] = 1
    count = split(to[node], nodes, " ")
    for (i = 1; i <= count; i++) {
        if (!(nodes[i] in state)) {
            visit(nodes[i], path nodes[i] " > ")
        } else if (state[nodes[i]] == 1) {
            start = index(path, " > " nodes[i] " > ") + 3
            print what ": a circle: " substr(path, start) nodes[i] ", the last by " why[node, nodes[i]]
            failed = 1
        }
    }
    state[node] = 2
}
END {
    for (node in to) {
        if (!(node in state)) {
            visit(node, " > " node " > ")
        }
    }
    printf "%s: %d arrows, %s\n", what, arrows, failed ? "FAILED" : "no circle"
    exit failed
}
