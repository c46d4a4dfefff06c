/**
 * What stands in the model picker, in which order, and what a query finds in it. Pure: values in, values out.
 * Called by views/picker.js, and by the desk for what is known of a model.
 *
 * @typedef {{id: string, name: string, owner: string}} Model  as GET /api/models gives it
 * @typedef {{key: string, label: string, models: Model[]}} Section
 */
export const SLUG = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/;
const RECENTS_SHOWN = 4;

/**
 * @param {Model[]} models
 * @param {string} slug perhaps with a `:provider` that pins who serves the model
 * @returns {Model|null} what the list knows of it
 */
export function modelOf(models, slug) {
  const known = models.find(m => m.id === slug);
  if (known) return known;
  const [base, provider] = slug.split(/:(.*)/s);
  const served = provider && models.find(m => m.id === base);
  return served ? {...served, id: slug, name: `${served.name} · ${provider}`} : null;
}

/** A model that no list has is shown by its id alone. */
const shownOf = (models, slug) => modelOf(models, slug) ?? {id: slug, name: slug, owner: '', isUnlisted: true};

/**
 * @param {Model[]} models
 * @param {{favourites: string[], recents: string[]}} preferred
 * @param {{favourites: string, recents: string, others: string}} labels
 * @returns {Section[]} starred ones, the last chosen, then one section for each owner by its name
 */
export function sectionsOf(models, {favourites, recents}, labels) {
  const recent = recents.filter(id => !favourites.includes(id)).slice(0, RECENTS_SHOWN);
  const owners = new Map();
  for (const model of models) {
    if (!owners.has(model.owner)) owners.set(model.owner, []);
    owners.get(model.owner).push(model);
  }
  const groups = [...owners].map(([owner, ones]) => ({key: `owner ${owner}`, label: ownerLabel(owner, ones) || labels.others, isLast: !owner, models: ones}));
  groups.sort((a, b) => a.isLast - b.isLast || a.label.localeCompare(b.label));
  return [
    {key: 'favourites', label: labels.favourites, models: favourites.map(id => shownOf(models, id))},
    {key: 'recents', label: labels.recents, models: recent.map(id => shownOf(models, id))},
    ...groups,
  ].filter(section => section.models.length);
}

/** "anthropic" is written "Anthropic" where its models' names begin with that. */
function ownerLabel(owner, models) {
  const written = /^([^:]+): /.exec(models[0].name)?.[1];
  return written && models.every(m => m.name.startsWith(`${written}: `)) ? written : owner;
}

/** @param {string} query @returns {string[]} each has to be found */
export const wordsOf = query => query.toLowerCase().split(/\s+/).filter(Boolean);

/** @param {Model} model @returns {string} what a query looks in */
export const textOf = model => `${model.id} ${model.name} ${model.owner}`.toLowerCase();

/**
 * @param {Model[]} models
 * @param {string} query
 * @param {boolean} isFound whether the query finds any that is listed
 * @returns {Model|null} the query itself as an id, where it can be one and is not listed
 */
export function typedModel(models, query, isFound) {
  const slug = query.trim();
  if (!SLUG.test(slug) || models.some(m => m.id === slug) || (isFound && !slug.includes('/'))) return null;
  return {...shownOf(models, slug), isTyped: true};
}
