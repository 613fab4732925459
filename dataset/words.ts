// Words of invented names, by country: common words and syllables, combined at random.

import type { Nouns } from './categories.ts'

/** The parts of names: two words of at most 10 Latin letters together, so that a name fits into a QR code. */
export interface Flavour {
  /** Each word in Latin letters and in the local script. */
  readonly first: readonly (readonly [latin: string, local: string])[]
  readonly second: readonly (readonly [latin: string, local: string])[]
  /** The text between the two words in Latin letters. */
  readonly joint: '' | ' '
  /** Null where names are in Latin letters only. */
  readonly local: LocalScript | null
}

export interface LocalScript {
  readonly nouns: Exclude<keyof Nouns, 'en'>
  readonly nounFirst: boolean
  /** The text between the two words; `space` is between the words and the noun. */
  readonly joint: '' | ' '
  readonly space: '' | ' '
  /** “Example” in this script, added to the name. */
  readonly mark: string
}

const pairs = (latin: string, local = latin): readonly (readonly [string, string])[] => {
  const others = local.split(' ')
  return latin.split(' ').map((word, index) => [word, others[index]!])
}

const plain = (first: string, second: string): Flavour => ({
  first: pairs(first),
  second: pairs(second),
  joint: ' ',
  local: null,
})

const chinese: Flavour = {
  first: pairs(
    'Fu Long Ming Hua An Tai He Xin Yuan Feng Heng Sheng De Kang Le Yun Jin Yu Chun Mei Bai Tong Rui Da',
    '福 隆 明 华 安 泰 和 新 源 丰 恒 盛 德 康 乐 云 锦 玉 春 美 百 通 瑞 大',
  ),
  second: pairs(
    'hai lin xing shun yi qing bo feng yuan ji ya ge tang ping cheng jia lai xiang he bao',
    '海 林 兴 顺 怡 清 博 峰 苑 吉 雅 阁 堂 平 诚 佳 来 祥 合 宝',
  ),
  joint: '',
  local: { nouns: 'zh', nounFirst: false, joint: '', space: '', mark: '（示例）' },
}

const japanese: Flavour = {
  first: pairs(
    'Matsu Take Ume Kawa Yama Mori Izumi Tsuki Hoshi Hana Umi Sora Kaze Yuki Asa Nishi',
    '松 竹 梅 川 山 森 泉 月 星 花 海 空 風 雪 朝 西',
  ),
  second: pairs('moto da ya saki no hara mura an do tei kura hama', '本 田 屋 崎 野 原 村 庵 堂 亭 蔵 浜'),
  joint: '',
  local: { nouns: 'ja', nounFirst: false, joint: '', space: '', mark: '（見本）' },
}

const korean: Flavour = {
  first: pairs(
    'Han Seo Gang San Da Mi Na Bit Sol Dal Nuri Gaon Byeol Ara Saem Pureun',
    '한 서 강 산 다 미 나 빛 솔 달 누리 가온 별 아라 샘 푸른',
  ),
  second: pairs('maru rang bom on ra sae gil nae teo deul', '마루 랑 봄 온 라 새 길 내 터 들'),
  joint: '',
  local: { nouns: 'ko', nounFirst: false, joint: '', space: ' ', mark: '(예시)' },
}

const thai: Flavour = {
  first: pairs(
    'Bua Thong Ruen Suan Chang Fah Dao Nam Mai Lom Phu Khao',
    'บัว ทอง เรือน สวน ช้าง ฟ้า ดาว น้ำ ไม้ ลม ภู เขา',
  ),
  second: pairs('Ngam Suk Dee Mai Chai Sri Rung Yai', 'งาม สุข ดี ใหม่ ชัย ศรี รุ่ง ใหญ่'),
  joint: ' ',
  local: { nouns: 'th', nounFirst: true, joint: '', space: '', mark: ' (ตัวอย่าง)' },
}

const vietnamese: Flavour = {
  first: pairs(
    'An Binh Minh Phuc Loc Hung Thanh Kim Ngoc Hai Van Hoang',
    'An Bình Minh Phúc Lộc Hưng Thành Kim Ngọc Hải Vân Hoàng',
  ),
  second: pairs('Phat Long Hoa Sen Son Bach Lan Mai Tam Duc', 'Phát Long Hòa Sen Sơn Bạch Lan Mai Tâm Đức'),
  joint: ' ',
  local: { nouns: 'vi', nounFirst: true, joint: ' ', space: ' ', mark: ' (ví dụ)' },
}

const malay = plain(
  'Sari Maju Indah Surya Bayu Mutia Rimba Teluk Bukit Seri Kota Lima',
  'Jaya Raya Baru Emas Alam Kita Muda Biru',
)

/** By ISO 3166-1 alpha-2. */
const flavours: Readonly<Record<string, Flavour>> = {
  CN: chinese,
  JP: japanese,
  KR: korean,
  TH: thai,
  VN: vietnamese,
  ID: malay,
  MY: malay,
  SG: plain('Jade Orkid Kopi Selat Tanah Lim Pasir Kampo Teck Laut', 'Hill Bay Seng Huat Quay Lane Row Isle'),
  PH: plain('Araw Buwan Dagat Ilog Gubat Tala Bayan Bulak', 'Puti Asul Saya Alon Lupa Bago Isla'),
  KH: plain('Sok Romdu Chan Bopha Phnom Meas Srey Reach', 'Sok Chey Prey Kiri Doun Mean Leap Phka'),
  LA: plain('Phou Sabai Nam Vang Muang Dok Kham Xay', 'Mai Suay Ngam Dee Sook Noi Kham Fai'),
  LK: plain('Nil Sudu Manel Kandu Sanda Hiru Olu', 'Mal Gala Wila Oya Kele Tara Pura'),
  NP: plain('Himal Sagar Danda Kusum Lali Surya Tara Chau', 'Kuna Ban Tal Giri Bari Ghar Pur'),
  MN: plain('Altan Saran Nomin Tenge Khan Gobi Naran Uul', 'Gol Nuur Tal Ger Od Zam Khot'),
  KZ: plain('Altyn Zhuld Aidyn Dala Tau Kerue Samal Nura', 'Ata Kol Su Bel Jol Ay Tas Orda'),
  UZ: plain('Oltin Bahor Anor Gul Daryo Navro Saroy', 'Bog Suv Tong Yul Ota Non Osh Kok'),
  PK: plain('Chand Gulab Noor Sagar Zaman Mehr Bagh', 'Pur Dar Jan Kot Abad Rang Din'),
  BD: plain('Megh Nodi Surjo Alo Dhan Padma Joba', 'Bari Bon Tala Ghat Char Gram Rong Dana'),
  AE: plain('Noor Nakhl Bahr Rimal Safa Durra Qamar Wadi', 'Gulf Dune Bay Palm Souk Sky Dhow'),
  AR: plain('Luna Pampa Rio Sol Plata Cerro Lago Norte', 'Azul Alto Sur Mar Roja Nube Paz Flor'),
}

/** Throws for a country without merchants in the data set. */
export function flavourOf(country: string): Flavour {
  const flavour = flavours[country]
  if (!flavour) throw new TypeError(`no words for names in ${country}`)
  return flavour
}
