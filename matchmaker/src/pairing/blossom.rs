//! A matching of greatest weight in any graph, exactly: Edmonds' blossom algorithm with dual variables, for dense graphs
//! in O(n³) (Galil, "Efficient algorithms for finding maximum matching in graphs", 1986, section 4).
//!
//! Vertices have the numbers 1 to n, and blossoms those above; 0 is none. Each vertex has a dual variable, its label. An
//! edge is *tight* when the labels of its ends sum to twice its weight; only tight edges are matched. A search grows
//! trees of alternating edges from all unmatched vertices at once; where it is stuck, labels change by as much as keeps
//! every edge feasible, so that another one becomes tight. A cycle of odd length is shrunk to a blossom, which is a
//! vertex from then on, until its label is used up.

use std::collections::VecDeque;

/// The partner of each of `n` vertices in a matching of greatest weight; both are counted from 0. `weight` is positive
/// where two may be matched, and asked for each pair once, the smaller number first.
pub(super) fn greatest_weight(
    n: usize,
    mut weight: impl FnMut(usize, usize) -> Option<i64>,
) -> Vec<Option<usize>> {
    let mut graph = Graph::new(n);
    for one in 0..n {
        for other in one + 1..n {
            if let Some(weight) = weight(one, other) {
                graph.set_weight(one + 1, other + 1, weight);
            }
        }
    }
    graph.run();
    let partners = graph.partner[1..=n].iter();
    partners.map(|partner| partner.checked_sub(1)).collect()
}

/// An edge between two vertices, which stands for one between the blossoms that they are in.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    from: usize,
    to: usize,
    /// Zero if there is none.
    weight: i64,
}

/// What a vertex or blossom is in the trees of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In none.
    Free,
    /// At an even distance from a root.
    Outer,
    /// At an odd distance from a root.
    Inner,
}

struct Graph {
    /// The number of vertices.
    n: usize,
    /// The greatest number that is in use.
    used: usize,
    /// Room for each vertex and blossom, in both dimensions.
    room: usize,
    edges: Vec<Edge>,
    label: Vec<i64>,
    /// The vertex that a vertex or blossom is matched with, or 0.
    partner: Vec<usize>,
    /// The vertex of a tree with the tightest edge to a vertex or blossom, or 0.
    nearest: Vec<usize>,
    /// The outermost blossom of each vertex, and of each blossom; a blossom that is not in use has 0.
    outermost: Vec<usize>,
    /// The vertex through which an inner vertex or blossom hangs on its tree.
    parent: Vec<usize>,
    /// For each blossom and vertex: the part of the blossom that the vertex is in, or 0.
    part_of: Vec<usize>,
    place: Vec<Place>,
    /// The last search for a common ancestor that came here.
    visited: Vec<usize>,
    searches: usize,
    /// The parts of each blossom, around the cycle from its base on.
    parts: Vec<Vec<usize>>,
    queue: VecDeque<usize>,
}

impl Graph {
    fn new(n: usize) -> Self {
        // A blossom has three parts at least, and they are nested: half as many again are enough.
        let room = n + n / 2 + 2;
        let mut graph = Self {
            n,
            used: n,
            room,
            edges: vec![Edge::default(); room * room],
            label: vec![0; room],
            partner: vec![0; room],
            nearest: vec![0; room],
            outermost: (0..room).map(|v| if v <= n { v } else { 0 }).collect(),
            parent: vec![0; room],
            part_of: vec![0; room * room],
            place: vec![Place::Free; room],
            visited: vec![0; room],
            searches: 0,
            parts: vec![Vec::new(); room],
            queue: VecDeque::new(),
        };
        for from in 1..=n {
            for to in 1..=n {
                *graph.edge_mut(from, to) = Edge {
                    from,
                    to,
                    weight: 0,
                };
            }
            graph.part_of[from * room + from] = from;
        }
        graph
    }

    fn edge(&self, from: usize, to: usize) -> Edge {
        self.edges[from * self.room + to]
    }

    fn edge_mut(&mut self, from: usize, to: usize) -> &mut Edge {
        &mut self.edges[from * self.room + to]
    }

    fn set_weight(&mut self, one: usize, other: usize, weight: i64) {
        self.edge_mut(one, other).weight = weight;
        self.edge_mut(other, one).weight = weight;
    }

    fn run(&mut self) {
        let greatest = self.edges.iter().map(|edge| edge.weight).max();
        for vertex in 1..=self.n {
            self.label[vertex] = greatest.unwrap_or(0);
        }
        while self.augment_once() {}
    }

    /// How far an edge is from being tight.
    fn slack(&self, edge: Edge) -> i64 {
        let weight = self.edge(edge.from, edge.to).weight;
        self.label[edge.from] + self.label[edge.to] - 2 * weight
    }

    /// Whether a vertex or blossom is in no other blossom.
    fn is_outermost(&self, x: usize) -> bool {
        self.outermost[x] == x
    }

    fn place_of(&self, vertex: usize) -> Place {
        self.place[self.outermost[vertex]]
    }

    fn improve_nearest(&mut self, from: usize, x: usize) {
        let nearest = self.nearest[x];
        let edge = self.edge(from, x);
        if nearest == 0 || self.slack(edge) < self.slack(self.edge(nearest, x)) {
            self.nearest[x] = from;
        }
    }

    fn find_nearest(&mut self, x: usize) {
        self.nearest[x] = 0;
        for from in 1..=self.n {
            let is_edge = self.edge(from, x).weight > 0;
            if is_edge && self.outermost[from] != x && self.place_of(from) == Place::Outer {
                self.improve_nearest(from, x);
            }
        }
    }

    /// Queues all vertices of a vertex or blossom.
    fn enqueue(&mut self, x: usize) {
        if x <= self.n {
            self.queue.push_back(x);
            return;
        }
        for part in 0..self.parts[x].len() {
            self.enqueue(self.parts[x][part]);
        }
    }

    fn set_outermost(&mut self, x: usize, blossom: usize) {
        self.outermost[x] = blossom;
        if x > self.n {
            for part in 0..self.parts[x].len() {
                self.set_outermost(self.parts[x][part], blossom);
            }
        }
    }

    /// The number of a part around its blossom, in the direction in which that is even.
    fn even_distance(&mut self, blossom: usize, part: usize) -> usize {
        let parts = &mut self.parts[blossom];
        let distance = parts.iter().position(|&p| p == part).unwrap_or(0);
        if distance % 2 == 1 {
            parts[1..].reverse();
            parts.len() - distance
        } else {
            distance
        }
    }

    /// Matches a vertex or blossom along its edge to another.
    fn set_partner(&mut self, x: usize, to: usize) {
        let edge = self.edge(x, to);
        self.partner[x] = edge.to;
        if x <= self.n {
            return;
        }
        let base = self.part_of[x * self.room + edge.from];
        let distance = self.even_distance(x, base);
        for part in 0..distance {
            let (one, other) = (self.parts[x][part], self.parts[x][part ^ 1]);
            self.set_partner(one, other);
        }
        self.set_partner(base, to);
        self.parts[x].rotate_left(distance);
    }

    /// Exchanges matched and other edges from `x` up to the root of its tree, with `x` matched to `to`.
    fn augment(&mut self, mut x: usize, mut to: usize) {
        loop {
            let former = self.outermost[self.partner[x]];
            self.set_partner(x, to);
            if former == 0 {
                return;
            }
            let parent = self.outermost[self.parent[former]];
            self.set_partner(former, parent);
            (x, to) = (parent, former);
        }
    }

    /// The common ancestor of two outer ones, or 0 if they are in two trees.
    fn common_ancestor(&mut self, mut one: usize, mut other: usize) -> usize {
        self.searches += 1;
        while one != 0 || other != 0 {
            if one != 0 {
                if self.visited[one] == self.searches {
                    return one;
                }
                self.visited[one] = self.searches;
                one = self.outermost[self.partner[one]];
                if one != 0 {
                    one = self.outermost[self.parent[one]];
                }
            }
            (one, other) = (other, one);
        }
        0
    }

    /// Adds what is between an outer one and an ancestor to the parts of a blossom, from the outer one on.
    fn collect_parts(&mut self, blossom: usize, mut outer: usize, ancestor: usize) {
        while outer != ancestor {
            self.parts[blossom].push(outer);
            let inner = self.outermost[self.partner[outer]];
            self.parts[blossom].push(inner);
            self.enqueue(inner);
            outer = self.outermost[self.parent[inner]];
        }
    }

    /// Shrinks the cycle through two outer ones and their common ancestor.
    fn shrink(&mut self, one: usize, ancestor: usize, other: usize) {
        let unused = (self.n + 1..=self.used).find(|&b| self.outermost[b] == 0);
        let blossom = unused.unwrap_or(self.used + 1);
        self.used = self.used.max(blossom);
        self.label[blossom] = 0;
        self.place[blossom] = Place::Outer;
        self.partner[blossom] = self.partner[ancestor];
        self.parts[blossom].clear();
        self.parts[blossom].push(ancestor);
        self.collect_parts(blossom, one, ancestor);
        self.parts[blossom][1..].reverse();
        self.collect_parts(blossom, other, ancestor);
        self.set_outermost(blossom, blossom);
        for x in 1..=self.used {
            self.edge_mut(blossom, x).weight = 0;
            self.edge_mut(x, blossom).weight = 0;
        }
        for vertex in 1..=self.n {
            self.part_of[blossom * self.room + vertex] = 0;
        }
        for at in 0..self.parts[blossom].len() {
            let part = self.parts[blossom][at];
            for x in 1..=self.used {
                let (own, of_part) = (self.edge(blossom, x), self.edge(part, x));
                let is_better = own.weight == 0 || self.slack(of_part) < self.slack(own);
                if of_part.weight > 0 && is_better {
                    *self.edge_mut(blossom, x) = of_part;
                    *self.edge_mut(x, blossom) = self.edge(x, part);
                }
            }
            for vertex in 1..=self.n {
                if self.part_of[part * self.room + vertex] != 0 {
                    self.part_of[blossom * self.room + vertex] = part;
                }
            }
        }
        self.find_nearest(blossom);
    }

    /// Takes an inner blossom whose label is used up apart.
    fn expand(&mut self, blossom: usize) {
        for at in 0..self.parts[blossom].len() {
            let part = self.parts[blossom][at];
            self.set_outermost(part, part);
        }
        let through = self.edge(blossom, self.parent[blossom]).from;
        let entry = self.part_of[blossom * self.room + through];
        let distance = self.even_distance(blossom, entry);
        for at in (0..distance).step_by(2) {
            let (inner, outer) = (self.parts[blossom][at], self.parts[blossom][at + 1]);
            self.parent[inner] = self.edge(outer, inner).from;
            self.place[inner] = Place::Inner;
            self.place[outer] = Place::Outer;
            self.nearest[inner] = 0;
            self.find_nearest(outer);
            self.enqueue(outer);
        }
        self.place[entry] = Place::Inner;
        self.parent[entry] = self.parent[blossom];
        for at in distance + 1..self.parts[blossom].len() {
            let part = self.parts[blossom][at];
            self.place[part] = Place::Free;
            self.find_nearest(part);
        }
        self.outermost[blossom] = 0;
    }

    /// Uses a tight edge from an outer vertex; returns whether the matching has grown.
    fn use_tight(&mut self, edge: Edge) -> bool {
        let (one, other) = (self.outermost[edge.from], self.outermost[edge.to]);
        match self.place[other] {
            Place::Free => {
                self.parent[other] = edge.from;
                self.place[other] = Place::Inner;
                let next = self.outermost[self.partner[other]];
                self.nearest[other] = 0;
                self.nearest[next] = 0;
                self.place[next] = Place::Outer;
                self.enqueue(next);
                false
            }
            Place::Outer => {
                let ancestor = self.common_ancestor(one, other);
                if ancestor != 0 {
                    self.shrink(one, ancestor, other);
                    return false;
                }
                self.augment(one, other);
                self.augment(other, one);
                true
            }
            Place::Inner => false,
        }
    }

    /// Searches from all unmatched vertices until the matching has one edge more; false if there is no better one.
    fn augment_once(&mut self) -> bool {
        for x in 0..=self.used {
            self.place[x] = Place::Free;
            self.nearest[x] = 0;
        }
        self.queue.clear();
        for x in 1..=self.used {
            if self.is_outermost(x) && self.partner[x] == 0 {
                self.parent[x] = 0;
                self.place[x] = Place::Outer;
                self.enqueue(x);
            }
        }
        if self.queue.is_empty() {
            return false;
        }
        loop {
            if self.grow() {
                return true;
            }
            if !self.change_labels() {
                return false;
            }
            self.queue.clear();
            for x in 1..=self.used {
                let from = self.nearest[x];
                if !self.is_outermost(x) || from == 0 || self.outermost[from] == x {
                    continue;
                }
                let edge = self.edge(from, x);
                if self.slack(edge) == 0 && self.use_tight(edge) {
                    return true;
                }
            }
            for blossom in self.n + 1..=self.used {
                let is_used_up = self.label[blossom] == 0;
                if is_used_up && self.is_outermost(blossom) && self.place[blossom] == Place::Inner {
                    self.expand(blossom);
                }
            }
        }
    }

    /// Follows tight edges from all queued vertices.
    fn grow(&mut self) -> bool {
        while let Some(from) = self.queue.pop_front() {
            if self.place_of(from) == Place::Inner {
                continue;
            }
            for to in 1..=self.n {
                let edge = self.edge(from, to);
                if edge.weight == 0 || self.outermost[from] == self.outermost[to] {
                    continue;
                }
                if self.slack(edge) > 0 {
                    self.improve_nearest(from, self.outermost[to]);
                } else if self.use_tight(edge) {
                    return true;
                }
            }
        }
        false
    }

    /// Changes the labels by as much as makes an edge tight or uses a blossom up; false if a vertex's label is used up
    /// before that: it is better left unmatched.
    fn change_labels(&mut self) -> bool {
        let mut by = i64::MAX;
        for blossom in self.n + 1..=self.used {
            if self.is_outermost(blossom) && self.place[blossom] == Place::Inner {
                by = by.min(self.label[blossom] / 2);
            }
        }
        for x in 1..=self.used {
            if self.is_outermost(x) && self.nearest[x] != 0 {
                let slack = self.slack(self.edge(self.nearest[x], x));
                match self.place[x] {
                    Place::Free => by = by.min(slack),
                    Place::Outer => by = by.min(slack / 2),
                    Place::Inner => {}
                }
            }
        }
        let is_used_up = |vertex| self.place_of(vertex) == Place::Outer && self.label[vertex] <= by;
        if (1..=self.n).any(is_used_up) {
            return false;
        }
        for vertex in 1..=self.n {
            match self.place_of(vertex) {
                Place::Outer => self.label[vertex] -= by,
                Place::Inner => self.label[vertex] += by,
                Place::Free => {}
            }
        }
        for blossom in self.n + 1..=self.used {
            if self.is_outermost(blossom) {
                match self.place[blossom] {
                    Place::Outer => self.label[blossom] += 2 * by,
                    Place::Inner => self.label[blossom] -= 2 * by,
                    Place::Free => {}
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// The greatest weight, by all matchings.
    fn by_all(weights: &[Vec<Option<i64>>], left: u32) -> i64 {
        let Some(one) = (0..weights.len()).find(|v| left & 1 << v != 0) else {
            return 0;
        };
        let left = left & !(1 << one);
        let mut best = by_all(weights, left);
        for other in one + 1..weights.len() {
            if let Some(weight) = weights[one][other]
                && left & 1 << other != 0
            {
                best = best.max(weight + by_all(weights, left & !(1 << other)));
            }
        }
        best
    }

    #[track_caller]
    fn check(weights: &[Vec<Option<i64>>]) {
        let n = weights.len();
        let partners = greatest_weight(n, |one, other| weights[one][other]);
        let mut sum = 0;
        for (one, partner) in partners.iter().enumerate() {
            let Some(other) = *partner else { continue };
            assert_eq!(partners[other], Some(one), "both say so");
            if one < other {
                sum += weights[one][other].expect("an edge of the graph");
            }
        }
        assert_eq!(sum, by_all(weights, (1 << n) - 1), "{weights:?}");
    }

    #[test]
    fn the_weight_is_that_of_the_best_of_all_matchings() {
        let mut random = StdRng::seed_from_u64(15);
        for case in 0..1_500 {
            let n = random.random_range(0..=9);
            let greatest = [3, 20, 1_000_000][case % 3];
            let share = [0.3, 0.6, 1.0][case / 3 % 3];
            let mut weights = vec![vec![None; n]; n];
            for (one, row) in weights.iter_mut().enumerate() {
                for weight in &mut row[one + 1..] {
                    let has_edge = random.random_bool(share);
                    *weight = has_edge.then(|| random.random_range(1..=greatest));
                }
            }
            check(&weights);
        }
    }

    /// Cycles of odd length within cycles of odd length.
    #[test]
    fn blossoms_are_nested_and_taken_apart() {
        let mut random = StdRng::seed_from_u64(16);
        for _ in 0..300 {
            let n = 11;
            let mut weights = vec![vec![None; n]; n];
            let around = [
                (0, 1),
                (1, 2),
                (2, 3),
                (3, 4),
                (0, 4),
                (4, 5),
                (5, 6),
                (4, 6),
                (6, 7),
                (7, 8),
                (6, 8),
                (8, 9),
                (2, 10),
                (3, 9),
            ];
            for (one, other) in around {
                weights[one][other] = Some(random.random_range(8..=12));
            }
            check(&weights);
        }
    }
}
