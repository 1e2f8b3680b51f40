export { MimamoriPlugin } from './plugin';
export { MimamoriOptions, PointsStrategy, Answer, Text } from './options';
export { Refusal } from './signin';
